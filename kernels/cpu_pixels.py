"""Compiled loops over the pixels of a box: `composite`, `paint`.

They put a layer on rows of the picture; they never check their arguments (cpu.py does) and never
write a pixel that the layer leaves alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .colour import BUCKETS
from .compiled import F32, I32, INT, U8, fused_helper, helper, jit, readonly
from .cpu_raster import LANES, polygon_rows, rasterise_rows

PAINTED_AT_ONCE = 32  # rows: of a face 300 px wide some 200 kB


@fused_helper
def _sample(maps: Any, p: Any, q: Any, r: Any, s: Any, fu: Any, fv: Any) -> Any:
    """The six numbers of the map between four texels."""
    one = np.float32(1)
    a, b, c, d = maps[np.uint64(p)], maps[np.uint64(q)], maps[np.uint64(r)], maps[np.uint64(s)]
    p, q, r, s = (one - fu) * (one - fv), fu * (one - fv), (one - fu) * fv, fu * fv
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


@helper
def _cell(texels: Any, side: int) -> Any:
    """The texel at or before a coordinate, and how far beyond its centre the coordinate is."""
    beyond = min(max(texels - np.float32(0.5), np.float32(0)), np.float32(side - 1))
    first = np.int32(beyond)
    return first, beyond - np.float32(first)


@helper
def _find_texels(us: Any, vs: Any, cover: Any, side: int, first: Any, fu: Any, fv: Any) -> None:
    """Where a row of pixels lies among texels: the first of four, or -1, and how far beyond it."""
    zero, across = np.float32(0), np.int32(side)
    for column in range(len(first)):
        k = np.uint64(column)
        left, fu[k] = _cell(us[k], side)
        top, fv[k] = _cell(vs[k], side)
        painted = (cover[k] > zero) & (us[k] >= zero) & (vs[k] >= zero)
        first[k] = top * across + left if painted else np.int32(-1)


@jit(
    *(U8[:, :, :], readonly(F32, 2), readonly(F32, 2), INT, INT, INT),
    *(readonly(F32, 2), readonly(I32, 2), readonly(U8, 1), INT, readonly(F32, 2)),
    *(readonly(F32, 2), readonly(F32, 1), readonly(F32, 1), readonly(U8, 1), INT, INT),
    superwords=True,  # the six numbers of a map: a fifth of the time of `composite`
)
def composite_rows(
    image: Any, us: Any, vs: Any, x0: int, y0: int, width: int, maps: Any, sources: Any,
    own: Any, side: int, lips: Any, cover: Any, lights: Any, borders: Any, levels: Any,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Paint rows start..stop of the box; `maps`, `sources` and `own` are of flat texels."""
    zero, one = np.float32(0), np.float32(1)
    # Unsigned indices: Numba then has no negative ones to look for, a sixth of the time here.
    one_on, row_on = np.uint64(1), np.uint64(side)
    firsts, fus, fvs = np.empty(width, np.int32), np.empty(width, F32), np.empty(width, F32)
    for row in range(max(start, -y0), min(stop, image.shape[0] - y0)):
        line, shares, mouths = image[y0 + row], cover[row], lips[row]
        _find_texels(us[row], vs[row], shares, side, firsts, fus, fvs)
        for column in range(max(0, -x0), min(width, image.shape[1] - x0)):
            here = np.uint64(column)
            if firsts[here] < 0:
                continue
            p, share, lip, fu, fv = firsts[here], shares[here], mouths[here], fus[here], fvs[here]
            p = np.uint64(p)
            if own[p] and not lip > zero:
                m = _sample(maps, p, p + one_on, p + row_on, p + row_on + one_on, fu, fv)
            else:
                # The border repeats: beyond the last texel of a row or column comes itself.
                q = p + np.uint64(p % row_on + one_on < row_on)
                down = row_on * np.uint64(p + row_on < row_on * row_on)
                r, s = p + down, q + down
                sheet = sources[1 if lip >= one else 0]
                m = _sample(maps, sheet[p], sheet[q], sheet[r], sheet[s], fu, fv)
                if lip > zero and lip < one:
                    sheet = sources[1]
                    n = _sample(maps, sheet[p], sheet[q], sheet[r], sheet[s], fu, fv)
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
    *(readonly(F32, 2), readonly(I32, 2), readonly(U8, 1), INT, readonly(F32, 2)),
    *(readonly(I32, 1), readonly(F32, 1), readonly(F32, 1), readonly(F32, 1), readonly(U8, 1)),
    *(INT, INT),
)
def paint_rows(
    image: Any, points: Any, triangles: Any, uv: Any, x0: int, y0: int, width: int, maps: Any,
    sources: Any, own: Any, side: int, contours: Any, ends: Any, soft: Any, lights: Any,
    borders: Any, levels: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Draw and paint rows start..stop of the box, a few at a time, so that they stay in the cache.

    The first contour is of the lips, the others of holes; `ends` is where each ends and
    `soft` how soft its edge is.
    """
    one = np.float32(1)
    planes = np.empty((5, PAINTED_AT_ONCE, width + LANES), np.float32)
    depth, us, vs, lips, cover = planes[0], planes[1], planes[2], planes[3], planes[4]
    for first in range(start, stop, PAINTED_AT_ONCE):
        rows, y = min(PAINTED_AT_ONCE, stop - first), y0 + first
        rasterise_rows(points, triangles, uv, x0, y, depth, us, vs, 0, rows)
        lips[:rows], cover[:rows] = 0, 1
        polygon_rows(contours[: ends[0]], x0, y, one, soft[0], lips, 0, rows)
        for k in range(1, len(ends)):
            hole = contours[ends[k - 1] : ends[k]]
            polygon_rows(hole, x0, y, -one, soft[k], cover, 0, rows)
        composite_rows(
            image, us, vs, x0, y, width, maps, sources, own, side, lips, cover, lights, borders,
            levels, 0, rows,
        )  # fmt: skip
