"""Numba twins of `reference_raster`: the texel each pixel of a box shows, the part it covers.

They turn landmarks in px into rows of texels and of masks; they never read the picture.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import F32 as SINGLE
from .compiled import I32 as INDEX
from .compiled import INT, PAINTED, helper, jit, plain, readonly, spread
from .shapes import check, check_box, check_indices, check_soft

SUBSCANLINES = 4
LANES = 16  # columns drawn at once; buffers of `rasterise_rows` have as many to spare

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


def rasterise(
    points: F32, triangles: I32, uv: F32, origin: tuple[int, int], shape: tuple[int, int]
) -> F32:
    """See `reference.rasterise`."""
    check("rasterise", points, triangles, uv)
    check_box("rasterise", origin, shape)
    check_indices("rasterise", "triangles", triangles, 0, len(points))
    depth, us, vs = np.empty((3, shape[0], shape[1] + LANES), np.float32)
    arrays = [plain(array) for array in (points, triangles, uv)]
    least = PAINTED // max(shape[1], 1)
    spread(shape[0], least, (rasterise_rows, *arrays, *origin, depth, us, vs))
    return np.stack([plane[:, : shape[1]] for plane in (us, vs)], axis=-1)


def polygon_coverage(
    polygon: F32, origin: tuple[int, int], shape: tuple[int, int], soft: float = 0.0
) -> F32:
    """See `reference.polygon_coverage`."""
    check("polygon_coverage", polygon)
    check_box("polygon_coverage", origin, shape)
    check_soft("polygon_coverage", soft)
    coverage = np.zeros(shape, np.float32)
    polygon_rows(plain(polygon), *origin, 1.0, float(soft), coverage, 0, shape[0])
    return coverage


@helper
def _edge(points: Any, a: int, b: int, sign: float) -> Any:
    """Edge a-b as (x, y, run, rise); the inner side has run * dy - rise * dx >= 0."""
    if a > b:  # as the reference: always from the lower index to the higher
        a, b, sign = b, a, -sign
    x, y = np.float64(points[a, 0]), np.float64(points[a, 1])
    return x, y, sign * (np.float64(points[b, 0]) - x), sign * (np.float64(points[b, 1]) - y)


@helper
def _slopes(d: Any, qb: float, qc: float) -> Any:
    """Change along x and along y of the plane with rises qb, qc over edges (bx, by), (cx, cy)."""
    bx, by, cx, cy = d
    area = bx * cy - by * cx
    return (qb * cy - qc * by) / area, (qc * bx - qb * cx) / area


@jit(
    *(readonly(SINGLE, 2), readonly(INDEX, 2), readonly(SINGLE, 2), INT, INT),
    *(SINGLE[:, ::1], SINGLE[:, ::1], SINGLE[:, ::1], INT, INT),
    fused=True,
)
def rasterise_rows(
    points: Any, triangles: Any, uv: Any, x0: int, y0: int, depth: Any, us: Any, vs: Any,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Draw every triangle into rows start..stop of `us` and `vs`, with `depth` of the same rows.

    The three are LANES columns wider than the box: what is drawn there does not matter.
    """
    width = depth.shape[1] - LANES
    depth[start:stop] = np.inf
    us[start:stop] = -1.0
    vs[start:stop] = -1.0
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
        z_low, z_high = np.float32(min(az, bz, cz)), np.float32(max(az, bz, cz))
        u_low, u_high = np.float32(min(au, bu, cu)), np.float32(max(au, bu, cu))
        v_low, v_high = np.float32(min(av, bv, cv)), np.float32(max(av, bv, cv))
        first, last = int(max(np.ceil(near), 0.0)), int(min(np.floor(far), width - 1.0))
        top, bottom = int(max(np.ceil(low), start)), int(min(np.floor(high), stop - 1.0))
        px, py, p_run, p_rise = _edge(points, a, b, sign)
        qx, qy, q_run, q_rise = _edge(points, b, c, sign)
        rx, ry, r_run, r_rise = _edge(points, c, a, sign)
        for row in range(top, bottom + 1):
            y = y0 + row + 0.5
            p, q, r = p_run * (y - py), q_run * (y - qy), r_run * (y - ry)
            z_row, z_step = np.float32(az + (y - ay) * zy), np.float32(zx)
            u_row, u_step = np.float32(au + (y - ay) * uy), np.float32(ux)
            v_row, v_step = np.float32(av + (y - ay) * vy), np.float32(vx)
            depths, u_line, v_line = depth[row], us[row], vs[row]
            for block in range(first, last + 1, LANES):
                begin, most = left + block, np.int32(last - block)
                # As many times for each block, and no branch: LLVM runs all columns at once.
                for lane in range(LANES):
                    k = np.uint64(block + lane)
                    x = begin + np.float64(np.int32(lane))
                    inside = (np.int32(lane) <= most) & (p - p_rise * (x - px) >= 0.0)
                    inside &= (q - q_rise * (x - qx) >= 0.0) & (r - r_rise * (x - rx) >= 0.0)
                    dx = np.float32(x - ax)
                    z = min(max(z_row + dx * z_step, z_low), z_high)
                    u = min(max(u_row + dx * u_step, u_low), u_high)
                    v = min(max(v_row + dx * v_step, v_low), v_high)
                    inside &= z < depths[k]
                    depths[k] = z if inside else depths[k]
                    u_line[k] = u if inside else u_line[k]
                    v_line[k] = v if inside else v_line[k]


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
    for k in range(inner + 1, outer):
        row[np.uint64(k)] += share
    if outer < len(row):
        row[outer] += np.float32(end - outer) * share


@jit(readonly(SINGLE, 2), INT, INT, SINGLE, SINGLE, SINGLE[:, ::1], INT, INT)
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
    if left >= right or first > last:
        return
    edges, crossings = np.empty((corners, 4), np.float64), np.empty(corners, np.float64)
    padded = np.empty(right - left + 3, np.float32)  # the line between two zeros
    line, step = padded[1:-1], np.uint64(1)
    zero, one, middle = np.float32(0), np.float32(1), np.float32(1) - soft - soft
    for row in range(first, last + 1):
        padded[:] = zero
        upper, lower = y0 + row + 0.5 / SUBSCANLINES, y0 + row + 1 - 0.5 / SUBSCANLINES
        met = 0  # edges that a scanline of this row meets
        for k in range(corners):
            after = k + 1 if k + 1 < corners else 0
            ay, by = np.float64(polygon[k, 1]), np.float64(polygon[after, 1])
            if min(ay, by) <= lower and max(ay, by) > upper:
                ax, bx = np.float64(polygon[k, 0]), np.float64(polygon[after, 0])
                edge = edges[met]
                edge[0], edge[1], edge[2], edge[3] = ay, by, ax, (bx - ax) / (by - ay)
                met += 1
        for part in range(SUBSCANLINES):
            y = y0 + row + (part + 0.5) / SUBSCANLINES
            count = 0
            for k in range(met):
                ay, by = edges[k, 0], edges[k, 1]
                if (ay <= y) != (by <= y):
                    crossing = edges[k, 2] + (y - ay) * edges[k, 3] - x0 - left
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
                before, here = np.uint64(column - left), np.uint64(column)
                # In this order the parts of a pixel that is covered whole add up to 1 exactly.
                part = middle * padded[before + step] + soft * padded[before]
                part += soft * padded[before + step + step]
                out[here] = min(max(out[here] + share * part, zero), one)
