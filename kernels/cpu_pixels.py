"""Compiled loops over the pixels of a box: `rasterise`, `polygon_coverage`, `composite`, `paint`.

They turn landmarks in px, picture and layer into rows of texels, of masks, of the painted picture;
they never check their arguments (cpu.py does) and never write a pixel that the layer leaves alone.

All in one file because Numba notices a change of this file, not of one it calls into.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .colour import BUCKETS
from .compiled import F32, I32, INT, U8, fused_helper, helper, jit, readonly

SUBSCANLINES = 4
PAINTED_AT_ONCE = 32  # rows: of a face 300 px wide some 200 kB


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
def _add_span(row: Any, begin: float, end: float) -> None:
    """Add a quarter of the part of each pixel between begin and end to one row of pixels."""
    begin, end = max(begin, 0.0), min(end, len(row) + 0.0)
    if not begin < end:
        return
    share = np.float32(1 / SUBSCANLINES)
    inner, outer = int(begin), int(end)
    if inner == outer:
        row[inner] += np.float32(end - begin) * share
        return
    row[inner] += np.float32(inner + 1 - begin) * share
    row[inner + 1 : outer] += share
    if outer < len(row):
        row[outer] += np.float32(end - outer) * share


@jit(readonly(F32, 2), INT, INT, F32, F32, F32[:, ::1], INT, INT)
def polygon_rows(
    polygon: Any, x0: int, y0: int, sign: Any, soft: Any, coverage: Any, start: int, stop: int
) -> None:
    """Add a finite polygon to rows start..stop of `coverage`, or with sign -1 take it away.

    A polygon of fewer than three corners or with a broken one covers nothing.
    """
    width, reach = coverage.shape[1], 1 if soft > 0 else 0
    corners = len(polygon)
    x_low, x_high, y_low, y_high, total = np.inf, -np.inf, np.inf, -np.inf, 0.0
    for k in range(corners):
        across, down = np.float64(polygon[k, 0]), np.float64(polygon[k, 1])
        x_low, x_high = min(x_low, across), max(x_high, across)
        y_low, y_high = min(y_low, down), max(y_high, down)
        total += across + down
    if corners < 3 or not math.isfinite(total):
        return
    first = int(max(min(y_low - y0, stop + 1.0) - 1, start - reach + 0.0))
    last = int(min(max(y_high - y0, -2.0) + 1, stop + reach - 1.0))
    # One pixel more on either side: `soft` brings it in.
    left = int(max(min(x_low - x0, width + 1.0) - 2, -1.0))
    right = int(min(max(x_high - x0, -2.0) + 2, width - 0.0))
    if left >= right:
        return
    crossings, line = np.empty(corners, np.float64), np.empty(right - left + 1, np.float32)
    zero, one, middle = np.float32(0), np.float32(1), np.float32(1) - soft - soft
    for row in range(first, last + 1):
        line[:] = zero
        for part in range(SUBSCANLINES):
            y = y0 + row + (part + 0.5) / SUBSCANLINES
            count = 0
            for k in range(corners):
                after = k + 1 if k + 1 < corners else 0
                ay, by = np.float64(polygon[k, 1]), np.float64(polygon[after, 1])
                if (ay <= y) != (by <= y):
                    ax, bx = np.float64(polygon[k, 0]), np.float64(polygon[after, 0])
                    crossing = ax + (y - ay) * ((bx - ax) / (by - ay)) - x0 - left
                    place = count  # insertion sort: a scanline meets few edges
                    while place > 0 and crossings[place - 1] > crossing:
                        crossings[place] = crossings[place - 1]
                        place -= 1
                    crossings[place] = crossing
                    count += 1
            for pair in range(0, count, 2):
                _add_span(line, crossings[pair], crossings[pair + 1])
        for near in range(max(row - reach, start), min(row + reach + 1, stop)):
            share = sign * (middle if near == row else soft)
            out = coverage[near]
            for column in range(max(left, 0), min(right + 1, width)):
                here = column - left
                part = middle * line[here]
                if here > 0:
                    part += soft * line[here - 1]
                if here + 1 < len(line):
                    part += soft * line[here + 1]
                out[column] = min(max(out[column] + share * part, zero), one)


@fused_helper
def _sample(maps: Any, source: Any, corners: Any, weights: Any) -> Any:
    """The six numbers of the map between four texels, each taken from where `source` says."""
    p, q, r, s = weights
    a, b = maps[np.uint64(source[corners[0]])], maps[np.uint64(source[corners[1]])]
    c, d = maps[np.uint64(source[corners[2]])], maps[np.uint64(source[corners[3]])]
    return (
        p * a[0] + q * b[0] + r * c[0] + s * d[0],
        p * a[1] + q * b[1] + r * c[1] + s * d[1],
        p * a[2] + q * b[2] + r * c[2] + s * d[2],
        p * a[3] + q * b[3] + r * c[3] + s * d[3],
        p * a[4] + q * b[4] + r * c[4] + s * d[4],
        p * a[5] + q * b[5] + r * c[5] + s * d[5],
    )


@fused_helper
def _mix(a: Any, b: Any, share: Any) -> Any:
    return (np.float32(1) - share) * a + share * b


@fused_helper
def _painted(
    level: int, gain: float, offset: float, cover: float, lights: Any, borders: Any, levels: Any
) -> Any:
    """One channel of one pixel, level in and level out."""
    light = lights[level]
    new = light + cover * (gain * light + offset - light)
    new = min(max(new, np.float32(0)), np.float32(1))
    guess = levels[np.uint64(new * np.float32(BUCKETS))]
    return guess + (new >= borders[guess + np.uint8(1)])


@jit(
    *(U8[:, :, :], readonly(F32, 3), INT, INT, readonly(F32, 2), readonly(I32, 2), INT),
    *(readonly(F32, 2), readonly(F32, 2), readonly(F32, 1), readonly(F32, 1), readonly(U8, 1)),
    *(INT, INT),
    superwords=True,  # the six numbers of a map: a fifth of the time of `composite`
)
def composite_rows(
    image: Any, texels: Any, x0: int, y0: int, maps: Any, sources: Any, side: int, lips: Any,
    cover: Any, lights: Any, borders: Any, levels: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Paint rows start..stop of the box; `maps` and `sources` are of flat texels."""
    zero, one = np.float32(0), np.float32(1)
    edge = np.float32(side - 1)
    # Unsigned indices: Numba then has no negative ones to look for, a sixth of the time here.
    across, last, step = np.uint64(side), np.uint64(side - 1), np.uint64(1)
    for row in range(max(start, -y0), min(stop, image.shape[0] - y0)):
        line, shares, mouths, spots = image[y0 + row], cover[row], lips[row], texels[row]
        for column in range(max(0, -x0), min(texels.shape[1], image.shape[1] - x0)):
            here = np.uint64(column)
            share, lip = shares[here], mouths[here]
            u, v = spots[here, 0], spots[here, 1]
            if not (share > zero and u >= zero and v >= zero):
                continue
            u = min(max(u - np.float32(0.5), zero), edge)
            v = min(max(v - np.float32(0.5), zero), edge)
            left, top = np.uint64(u), np.uint64(v)
            right, bottom = min(left + step, last), min(top + step, last)
            fu, fv = u - np.float32(left), v - np.float32(top)
            upper, lower = top * across, bottom * across
            corners = upper + left, upper + right, lower + left, lower + right
            weights = (one - fu) * (one - fv), fu * (one - fv), (one - fu) * fv, fu * fv
            m = _sample(maps, sources[1 if lip >= one else 0], corners, weights)
            if lip > zero and lip < one:
                n = _sample(maps, sources[1], corners, weights)
                m = (
                    _mix(m[0], n[0], lip), _mix(m[1], n[1], lip), _mix(m[2], n[2], lip),
                    _mix(m[3], n[3], lip), _mix(m[4], n[4], lip), _mix(m[5], n[5], lip),
                )  # fmt: skip
            # 0 if all are finite, NaN otherwise; six questions took a tenth of the time here.
            apart = (m[0] - m[0]) + (m[1] - m[1]) + (m[2] - m[2])
            apart += (m[3] - m[3]) + (m[4] - m[4]) + (m[5] - m[5])
            if not apart == zero:
                continue
            pixel = line[np.uint64(x0 + column)]
            for k in range(3):  # an identity gives the same level: there is no need to look for it
                pixel[k] = _painted(pixel[k], m[k], m[3 + k], share, lights, borders, levels)


@jit(
    *(U8[:, :, :], readonly(F32, 2), readonly(I32, 2), readonly(F32, 2), INT, INT, INT),
    *(readonly(F32, 2), readonly(I32, 2), INT, readonly(F32, 2), readonly(I32, 1)),
    *(readonly(F32, 1), readonly(F32, 1), readonly(F32, 1), readonly(U8, 1), INT, INT),
    superwords=True,
)
def paint_rows(
    image: Any, points: Any, triangles: Any, uv: Any, x0: int, y0: int, width: int, maps: Any,
    sources: Any, side: int, contours: Any, ends: Any, soft: Any, lights: Any, borders: Any,
    levels: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Draw and paint rows start..stop of the box, a few at a time, so that they stay in the cache.

    The first contour is of the lips, the others of holes; `ends` is where each ends and
    `soft` how soft its edge is.
    """
    one = np.float32(1)
    depth = np.empty((PAINTED_AT_ONCE, width), np.float32)
    texels = np.empty((PAINTED_AT_ONCE, width, 2), np.float32)
    lips, cover = np.empty_like(depth), np.empty_like(depth)
    for first in range(start, stop, PAINTED_AT_ONCE):
        rows, y = min(PAINTED_AT_ONCE, stop - first), y0 + first
        rasterise_rows(points, triangles, uv, x0, y, depth, texels, 0, rows)
        lips[:rows], cover[:rows] = 0, 1
        polygon_rows(contours[: ends[0]], x0, y, one, soft[0], lips, 0, rows)
        for k in range(1, len(ends)):
            hole = contours[ends[k - 1] : ends[k]]
            polygon_rows(hole, x0, y, -one, soft[k], cover, 0, rows)
        composite_rows(
            image, texels, x0, y, maps, sources, side, lips, cover, lights, borders, levels, 0, rows
        )
