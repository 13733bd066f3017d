"""Compiled loops of `rasterise` and `polygon_coverage`.

They turn landmarks in px into rows of a box; they never check their arguments (cpu.py does).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import F32, I32, INT, helper, jit, readonly

SUBSCANLINES = 4


@helper
def _line(points: Any, a: int, b: int, sign: float) -> Any:
    """Edge a-b as (x, y, run, rise, run / rise); the inner side has run * dy - rise * dx >= 0."""
    if a > b:  # as the reference: always from the lower index to the higher
        a, b, sign = b, a, -sign
    x, y = np.float64(points[a, 0]), np.float64(points[a, 1])
    run, rise = np.float64(points[b, 0]) - x, np.float64(points[b, 1]) - y
    return x, y, sign * run, sign * rise, run / rise


@helper
def _narrow(line: Any, left: float, y: float, lo: int, hi: int) -> Any:
    """Keep of columns lo..hi those on the inner side of an edge, in the row at height y."""
    x, rise = line[0], line[3]
    down = y - line[1]
    ahead = line[2] * down
    if rise == 0.0:
        return lo, (hi if ahead >= 0.0 else lo - 1)
    # An estimate of the crossing, then the exact test of the reference around it.
    column = int(min(max(x - left + line[4] * down, lo - 1.0), hi + 1.0))
    if rise < 0.0:
        column = max(min(column, hi), lo)
        while column > lo and ahead - rise * (left + (column - 1) - x) >= 0.0:
            column -= 1
        while column <= hi and ahead - rise * (left + column - x) < 0.0:
            column += 1
        return column, hi
    column = min(max(column, lo), hi)
    while column < hi and ahead - rise * (left + (column + 1) - x) >= 0.0:
        column += 1
    while column >= lo and ahead - rise * (left + column - x) < 0.0:
        column -= 1
    return lo, column


@helper
def _slopes(d: Any, qb: float, qc: float) -> Any:
    """Change along x and along y of the plane with rises qb, qc over edges (bx, by), (cx, cy)."""
    bx, by, cx, cy = d
    area = bx * cy - by * cx
    return (qb * cy - qc * by) / area, (qc * bx - qb * cx) / area


@jit(
    *(readonly(F32, 2), readonly(I32, 2), readonly(F32, 2), INT, INT),
    *(F32[:, ::1], F32[:, :, ::1], INT, INT),
)
def rasterise_rows(
    points: Any, triangles: Any, uv: Any, x0: int, y0: int, depth: Any, texels: Any, start: int,
    stop: int,
) -> None:  # fmt: skip
    """Draw every triangle into rows start..stop of `texels`, with `depth` of the same rows."""
    width = texels.shape[1]
    depth[start:stop] = np.inf
    texels[start:stop] = -1.0
    left = x0 + 0.5
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
        ay, by, cy = np.float64(points[a, 1]), np.float64(points[b, 1]), np.float64(points[c, 1])
        # Rows and columns whose centres may be inside; a NaN fails the comparison.
        low, high = min(ay, by, cy) - y0 - 0.5, max(ay, by, cy) - y0 - 0.5
        if not (high >= start and low <= stop - 1):
            continue
        ax, bx, cx = np.float64(points[a, 0]), np.float64(points[b, 0]), np.float64(points[c, 0])
        near, far = min(ax, bx, cx) - left, max(ax, bx, cx) - left
        if not (far >= 0 and near <= width - 1):
            continue
        az, bz, cz = np.float64(points[a, 2]), np.float64(points[b, 2]), np.float64(points[c, 2])
        if not math.isfinite(ax + bx + cx + ay + by + cy + az + bz + cz):
            continue
        au, bu, cu = np.float64(uv[a, 0]), np.float64(uv[b, 0]), np.float64(uv[c, 0])
        av, bv, cv = np.float64(uv[a, 1]), np.float64(uv[b, 1]), np.float64(uv[c, 1])
        turn = (bu - au) * (cv - av) - (bv - av) * (cu - au)
        sign = 1.0 if turn > 0 else -1.0
        d = (bx - ax, by - ay, cx - ax, cy - ay)
        if not (turn != 0 and sign * (d[0] * d[3] - d[1] * d[2]) > 0):
            continue
        zx, zy = _slopes(d, bz - az, cz - az)
        ux, uy = _slopes(d, bu - au, cu - au)
        vx, vy = _slopes(d, bv - av, cv - av)
        z_low, z_high = min(az, bz, cz), max(az, bz, cz)
        u_low, u_high = min(au, bu, cu), max(au, bu, cu)
        v_low, v_high = min(av, bv, cv), max(av, bv, cv)
        first, last = int(max(np.ceil(near), 0.0)), int(min(np.floor(far), width - 1.0))
        top, bottom = int(max(np.ceil(low), start)), int(min(np.floor(high), stop - 1.0))
        first_edge = _line(points, a, b, sign)
        second_edge = _line(points, b, c, sign)
        third_edge = _line(points, c, a, sign)
        for row in range(top, bottom + 1):
            y = y0 + row + 0.5
            lo, hi = _narrow(first_edge, left, y, first, last)
            lo, hi = _narrow(second_edge, left, y, lo, hi)
            lo, hi = _narrow(third_edge, left, y, lo, hi)
            z_row, u_row, v_row = az + (y - ay) * zy, au + (y - ay) * uy, av + (y - ay) * vy
            for column in range(lo, hi + 1):
                x = left + column - ax
                z = np.float32(min(max(z_row + x * zx, z_low), z_high))
                if z < depth[row, column]:
                    depth[row, column] = z
                    texels[row, column, 0] = min(max(u_row + x * ux, u_low), u_high)
                    texels[row, column, 1] = min(max(v_row + x * vx, v_low), v_high)


@helper
def _add(row: Any, column: int, amount: Any) -> None:
    row[column] = min(max(row[column] + amount, np.float32(0)), np.float32(1))


@jit(readonly(F32, 2), INT, INT, INT, F32[:, ::1], INT, INT)
def polygon_rows(
    polygon: Any, x0: int, y0: int, sign: int, coverage: Any, start: int, stop: int
) -> None:
    """Add a finite polygon to rows start..stop of `coverage`, or with sign -1 take it away.

    A polygon of fewer than three corners or with a broken one covers nothing.
    """
    width = coverage.shape[1]
    corners = len(polygon)
    y_low, y_high, total = np.inf, -np.inf, 0.0
    for k in range(corners):
        at = np.float64(polygon[k, 1])
        y_low, y_high = min(y_low, at), max(y_high, at)
        total += at + polygon[k, 0]
    if corners < 3 or not math.isfinite(total):
        return
    # Sub-scanline n of the box is at y0 + (n + 0.5) / SUBSCANLINES.
    first = int(max(min(y_low - y0, stop + 0.0) * SUBSCANLINES - 1, start * SUBSCANLINES + 0.0))
    last = int(min(max(y_high - y0, -1.0) * SUBSCANLINES + 1, stop * SUBSCANLINES - 1.0))
    crossings = np.empty(corners, np.float64)
    share = np.float32(sign / SUBSCANLINES)
    for line in range(first, last + 1):
        y = y0 + (line + 0.5) / SUBSCANLINES
        count = 0
        for k in range(corners):
            after = k + 1 if k + 1 < corners else 0
            ay, by = np.float64(polygon[k, 1]), np.float64(polygon[after, 1])
            if (ay <= y) != (by <= y):
                ax, bx = np.float64(polygon[k, 0]), np.float64(polygon[after, 0])
                crossing = ax + (y - ay) * ((bx - ax) / (by - ay)) - x0
                place = count  # insertion sort: a scanline meets few edges
                while place > 0 and crossings[place - 1] > crossing:
                    crossings[place] = crossings[place - 1]
                    place -= 1
                crossings[place] = crossing
                count += 1
        row = coverage[line // SUBSCANLINES]
        for pair in range(0, count, 2):
            begin, end = max(crossings[pair], 0.0), min(crossings[pair + 1], width + 0.0)
            if not begin < end:
                continue
            inner, outer = int(begin), int(end)
            if inner == outer:
                _add(row, inner, np.float32(end - begin) * share)
                continue
            _add(row, inner, np.float32(inner + 1 - begin) * share)
            for column in range(inner + 1, outer):
                _add(row, column, share)
            if outer < width:
                _add(row, outer, np.float32(end - outer) * share)
