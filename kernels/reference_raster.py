"""NumPy kernels that draw in a box of the frame: the texel each pixel shows, the part it covers.

They turn landmarks in px into per-pixel arrays; they never read the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .shapes import check, check_box, check_indices, check_soft

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

SUBSCANLINES = 4


def rasterise(
    points: F32, triangles: I32, uv: F32, origin: tuple[int, int], shape: tuple[int, int]
) -> F32:
    """Find the texel seen at the centre of every pixel of a box.

    A triangle is drawn when its signed area has the same sign in px as in uv (it faces the
    camera) and its points are finite. Edges belong to both sides, so a shared edge leaves no
    crack. Where triangles overlap the smallest z wins, then the lowest triangle index. Texel
    coordinates are affine in px, and stay within those of the triangle's corners.

    Args:
        points: (V, 3) float32, x and y in px, z in any unit, smaller is nearer.
        triangles: (T, 3) int32 indices of points.
        uv: (V, 2) float32 texel coordinates of the points.
        origin: (x0, y0) of the box in px.
        shape: (h, w) of the box in px.

    Returns:
        (h, w, 2) float32 texel coordinates (u, v); -1 where no triangle covers the pixel.
    """
    check("rasterise", points, triangles, uv)
    check_box("rasterise", origin, shape)
    check_indices("rasterise", "triangles", triangles, 0, len(points))
    height, width = shape
    texels = np.full((height, width, 2), -1.0, np.float32)
    depth = np.full((height, width), np.inf, np.float32)
    columns = origin[0] + np.arange(width, dtype=np.float64)[None, :] + 0.5
    rows = origin[1] + np.arange(height, dtype=np.float64)[:, None] + 0.5
    for corners in triangles:
        xyz, st = points[corners].astype(np.float64), uv[corners].astype(np.float64)
        if not np.isfinite(xyz).all():
            continue
        area = _cross(xyz[1, :2] - xyz[0, :2], xyz[2, :2] - xyz[0, :2])
        sign = np.sign(_cross(st[1] - st[0], st[2] - st[0]))
        if not area * sign > 0:
            continue
        # Implied by the edges, except by their rounding when corners are astronomically far.
        low, high = xyz.min(axis=0), xyz.max(axis=0)
        inside = (columns >= low[0]) & (columns <= high[0]) & (rows >= low[1]) & (rows <= high[1])
        for k in range(3):
            inside &= sign * _edge(points, corners[k], corners[(k + 1) % 3], columns, rows) >= 0
        z = _plane(xyz[:, :2], xyz[:, 2], columns, rows)
        seen = inside & (z < depth)
        depth[seen] = z[seen]
        for axis in range(2):
            texels[seen, axis] = _plane(xyz[:, :2], st[:, axis], columns, rows)[seen]
    return texels


def _cross(a: F64, b: F64) -> np.float64:
    return np.float64(a[0] * b[1] - a[1] * b[0])


def _edge(points: F32, a: int, b: int, x: F64, y: F64) -> F64:
    # Always from the lower index to the higher: the two triangles at an edge then get exact
    # negatives, and no pixel centre can fall between them.
    flip = 1.0 if a < b else -1.0
    (ax, ay), (bx, by) = points[[min(a, b), max(a, b)], :2].astype(np.float64)
    return np.asarray(flip * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)))


def _plane(corners: F64, values: F64, x: F64, y: F64) -> F32:
    """The affine function with these values at three corners, kept between the values."""
    (bx, by), (cx, cy) = corners[1:] - corners[0]
    b, c = values[1:] - values[0]
    area = bx * cy - by * cx
    row = values[0] + (y - corners[0, 1]) * ((c * bx - b * cx) / area)
    value = row + (x - corners[0, 0]) * ((b * cy - c * by) / area)
    return np.asarray(np.clip(value, values.min(), values.max()), np.float32)


def polygon_coverage(
    polygon: F32, origin: tuple[int, int], shape: tuple[int, int], soft: float = 0.0
) -> F32:
    """Draw a closed polygon, antialiased: even-odd, four sub-scanlines, exact horizontally.

    Args:
        polygon: (N, 2) float32 px corners; the last joins the first. Fewer than three corners
            or a non-finite one give zeros.
        origin: (x0, y0) of the box in px.
        shape: (h, w) of the box in px.
        soft: 0 .. 1/3, the share that a pixel takes of each neighbour's coverage, first along x,
            then along y: at 1/3 an edge is three pixels wide instead of one.

    Returns:
        (h, w) float32 in [0, 1], the covered part of each pixel.
    """
    check("polygon_coverage", polygon)
    check_box("polygon_coverage", origin, shape)
    check_soft("polygon_coverage", soft)
    height, width = shape[0] + 2, shape[1] + 2  # the neighbours of the box too
    coverage = np.zeros((height, width), np.float64)
    if len(polygon) < 3 or not np.isfinite(polygon).all():
        return np.zeros(shape, np.float32)
    ax, ay = polygon.astype(np.float64).T
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    left = origin[0] - 1 + np.arange(width, dtype=np.float64)
    for line in range(height * SUBSCANLINES):
        y = origin[1] - 1 + (line + 0.5) / SUBSCANLINES
        hit = (ay <= y) != (by <= y)
        step = (bx[hit] - ax[hit]) / (by[hit] - ay[hit])
        crossings = np.sort(ax[hit] + (y - ay[hit]) * step)
        for start, stop in crossings.reshape(-1, 2):
            covered = np.minimum(stop, left + 1) - np.maximum(start, left)
            coverage[line // SUBSCANLINES] += np.maximum(covered, 0.0) / SUBSCANLINES
    along_x = (1 - 2 * soft) * coverage[:, 1:-1] + soft * (coverage[:, :-2] + coverage[:, 2:])
    along_y = (1 - 2 * soft) * along_x[1:-1] + soft * (along_x[:-2] + along_x[2:])
    return np.minimum(along_y, 1.0).astype(np.float32)
