"""NumPy kernels: face atlas to frame and back, the one definition of correct.

Every other twin agrees with these within 1/255 of a level; nothing here is meant to be fast.

Coordinates are continuous, in px of the frame or texels of the atlas: cell i covers [i, i + 1) and
its centre is i + 0.5. A box is `origin` = (x0, y0) and `shape` = (h, w) in px and may reach beyond
the frame. An affine map is six float32 a texel, gain RGB then offset RGB, in linear light:
out = gain * in + offset. All arrays are checked (see shapes.py): ValueError on a wrong dtype or
shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .colour import linear_to_srgb, srgb_to_linear
from .reference_raster import polygon_coverage, rasterise
from .reference_time import average, ema, follow
from .shapes import check, check_box, check_indices, check_stride, check_writable, softness

__all__ = [
    "average",
    "composite",
    "ema",
    "facing",
    "follow",
    "gate",
    "paint",
    "polygon_coverage",
    "rasterise",
    "unwrap",
]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


def facing(points: F32, triangles: I32, low: float, high: float) -> F32:
    """How well a camera that looks along +z sees each vertex, by the angle of the mesh towards it.

    A vertex's normal is the sum of its triangles' (b - a) x (c - a); what counts is t, its part
    towards the camera (-z of the unit normal), from 0 at `low` to 1 at `high`, as t * t * (3 - 2t).

    Args:
        points: (V, 3) float32, all axes in one unit.
        triangles: (T, 3) int32 indices of points, wound so that normals point out.
        low: cosine at which a vertex counts as turned away.
        high: cosine from which it is fully seen, above `low`.

    Returns:
        (V,) float32 in [0, 1]; 0 without a normal, NaN where a corner around it is not finite.
    """
    check("facing", points, triangles)
    check_indices("facing", "triangles", triangles, 0, len(points))
    a, b, c = (points[triangles[:, k]].astype(np.float64) for k in range(3))
    normals = np.zeros((len(points), 3))
    with np.errstate(invalid="ignore"):
        np.add.at(normals, triangles, np.cross(b - a, c - a)[:, None])
        towards = -normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
    t = np.clip((towards - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def unwrap(
    frame: U8,
    points: F32,
    vertex_visibility: F32,
    triangles: I32,
    texel_triangle: I32,
    texel_barycentric: F32,
    stride: int = 1,
) -> tuple[F32, F32]:
    """Sample the frame at every texel of the atlas.

    The colour is the mean of the frame over the square of `stride` x `stride` px centred on the
    texel's position, pixels cut by the square counting in part and the border repeated outward;
    at stride 1 that is bilinear sampling. A stride near (face width / A) avoids aliasing.

    Args:
        frame: (H, W, 3) uint8 RGB, not empty.
        points: (V, 2 or more) float32 px.
        vertex_visibility: (V,) float32 in [0, 1].
        triangles: (T, 3) int32 indices of points.
        texel_triangle: (A, A) int32, the triangle of each texel, -1 for none.
        texel_barycentric: (A, A, 3) float32 weights of the triangle's corners.
        stride: Side of the averaged square, px, at least 1.

    Returns:
        colour: (A, A, 3) float32 in [0, 1], sRGB-encoded RGB; 0 without a triangle or a finite
            position.
        visibility: (A, A) float32 in [0, 1], interpolated; 0 outside the frame.
    """
    check("unwrap", frame, points, vertex_visibility, triangles, texel_triangle, texel_barycentric)
    check_indices("unwrap", "triangles", triangles, 0, len(points))
    check_indices("unwrap", "texel_triangle", texel_triangle, -1, len(triangles))
    check_stride(stride, points)
    height, width = frame.shape[:2]
    colour = np.zeros((*texel_triangle.shape, 3), np.float32)
    visibility = np.zeros(texel_triangle.shape, np.float32)
    texel = np.flatnonzero(texel_triangle >= 0)
    corners = triangles[texel_triangle.reshape(-1)[texel]]
    weights = texel_barycentric.reshape(-1, 3)[texel].astype(np.float64)

    def blend(values: F32) -> F64:
        with np.errstate(invalid="ignore"):  # broken points are sorted out below
            a, b, c = (weights[:, k] * values[corners[:, k]].astype(np.float64) for k in range(3))
            return np.asarray(a + b + c)

    x, y, seen = blend(points[:, 0]), blend(points[:, 1]), blend(vertex_visibility)
    finite = np.isfinite(x) & np.isfinite(y)
    texel, x, y, seen = texel[finite], x[finite], y[finite], seen[finite]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & np.isfinite(seen)
    visibility.reshape(-1)[texel] = np.where(inside, seen, 0.0)
    column, x_weights = _taps(x, width, stride)
    row, y_weights = _taps(y, height, stride)
    total = np.zeros((len(texel), 3))
    for j in range(stride + 1):
        for i in range(stride + 1):
            pixel = frame[row[:, j], column[:, i]].astype(np.float64)
            total += (y_weights[:, j] * x_weights[:, i])[:, None] * pixel
    colour.reshape(-1, 3)[texel] = total / (255.0 * stride * stride)
    return colour, visibility


def _taps(position: F64, length: int, stride: int) -> tuple[NDArray[np.intp], F64]:
    """Pixels under [position - stride/2, position + stride/2] and how much of each."""
    # Beyond the border every tap is the border pixel, so the position can be clamped first.
    start = np.clip(position, -stride, length + stride) - stride / 2
    first = np.floor(start)
    part = start - first
    weights = np.ones((len(position), stride + 1))
    weights[:, 0], weights[:, stride] = 1 - part, part
    index = first.astype(np.intp)[:, None] + np.arange(stride + 1)
    return np.clip(index, 0, length - 1), weights


def gate(affine: F32, weights: F32, gates: F32, visibility: F32) -> F32:
    """Fade a layer of affine maps towards the identity.

    g = visibility * sum_r weights_r * gates_r; gain' = max(0, 1 + g * (gain - 1)) and
    offset' = g * offset. Where g is 0 the result is exactly the identity, whatever the map holds.

    Args:
        affine: (A, A, 6) float32 maps.
        weights: (A, A, R) float32, how much of each region a texel is.
        gates: (R,) float32 intensities, 0 is off, 1 is as predicted.
        visibility: (A, A) float32 in [0, 1].

    Returns:
        (A, A, 6) float32 maps.
    """
    check("gate", affine, weights, gates, visibility)
    g = (visibility * np.sum(weights.astype(np.float64) * gates, axis=-1))[..., None]
    with np.errstate(all="ignore"):  # a map may hold anything where g is 0
        gain = np.maximum(0.0, 1 + g * (affine[..., :3] - 1.0))
        gated = np.concatenate([gain, g * affine[..., 3:]], axis=-1).astype(np.float32)
    identity = np.array([1, 1, 1, 0, 0, 0], np.float32)
    return np.where(g == 0, identity, gated)


def composite(
    image: U8,
    texels: F32,
    origin: tuple[int, int],
    affine: F32,
    sources: I32,
    lips: F32,
    cover: F32,
) -> None:
    """Apply a layer to the picture, in place and in linear light.

    The layer has two sheets: texel i of sheet s takes the map of flat texel `sources[s]` at i, so
    that each sheet can go on past the lip contour, and the contour is as sharp as `lips`.

    A pixel of the box takes its map bilinearly at its texel (the sheet's border repeated outward)
    from sheet 0, from sheet 1 or, where 0 < lips < 1, from both blended by `lips`. Then
    new = in + cover * (gain * in + offset - in), clamped, sRGB-encoded, rounded to nearest.

    A pixel keeps its bytes exactly where the map is the identity or not finite, where cover is
    not above 0, where the texel is negative or NaN, and outside the box.

    Args:
        image: (H, W, 3) uint8 RGB, changed in place.
        texels: (h, w, 2) float32 texel coordinates, -1 for none.
        origin: (x0, y0) of the box in px.
        affine: (A, A, 6) float32 maps.
        sources: (2, A, A) int32 in 0..A*A-1, for the sheets: everything but lips, lips.
        lips: (h, w) float32 in [0, 1], how much of the pixel is lip.
        cover: (h, w) float32 in [0, 1], how much of the pixel the layer may change.
    """
    check("composite", image, texels, affine, sources, lips, cover)
    check_writable("composite", "image", image)
    check_box("composite", origin, cover.shape)
    check_indices("composite", "sources", sources, 0, sources[0].size)
    sheets = affine.reshape(-1, 6)[sources]
    x0, y0 = origin
    row, column = np.nonzero((texels >= 0).all(axis=-1) & (cover > 0))
    x, y = column + x0, row + y0
    inside = (x >= 0) & (x < image.shape[1]) & (y >= 0) & (y < image.shape[0])
    row, column, x, y = row[inside], column[inside], x[inside], y[inside]
    u, v = texels[row, column].T
    amount = lips[row, column][:, None]
    with np.errstate(invalid="ignore"):
        skin, mouth = _bilinear(sheets[0], u, v), _bilinear(sheets[1], u, v)
        both = skin + amount * (mouth - skin)
    maps = np.where(amount >= 1, mouth, np.where(amount > 0, both, skin))
    identity = (maps == np.array([1, 1, 1, 0, 0, 0])).all(axis=-1)
    kept = np.isfinite(maps).all(axis=-1) & ~identity
    row, column, x, y, maps = row[kept], column[kept], x[kept], y[kept], maps[kept]
    light = srgb_to_linear(image[y, x] / 255.0)
    painted = maps[:, :3] * light + maps[:, 3:]
    new = np.clip(light + cover[row, column][:, None] * (painted - light), 0.0, 1.0)
    image[y, x] = np.floor(255.0 * linear_to_srgb(new) + 0.5).astype(np.uint8)


def paint(
    image: U8,
    points: F32,
    triangles: I32,
    uv: F32,
    origin: tuple[int, int],
    shape: tuple[int, int],
    affine: F32,
    sources: I32,
    lips: F32,
    holes: Sequence[F32],
    soft: Sequence[float] = (),
) -> None:
    """Rasterise a face and composite its layer, in place: three kernels in one call.

    `lips` and `holes` are drawn by `polygon_coverage`; what the holes cover together, at most all
    of a pixel, the layer may not change. The rest is as in `rasterise` and `composite`.

    Args:
        image: (H, W, 3) uint8 RGB, changed in place.
        points: (V, 3) float32, x and y in px, z smaller is nearer.
        triangles: (T, 3) int32 indices of points.
        uv: (V, 2) float32 texel coordinates of the points.
        origin: (x0, y0) of the box in px.
        shape: (h, w) of the box in px.
        affine: (A, A, 6) float32 maps.
        sources: (2, A, A) int32 in 0..A*A-1, for the sheets: everything but lips, lips.
        lips: (N, 2) float32 px, the outer lip contour.
        holes: contours of what stays bare, each (N, 2) float32 px.
        soft: how soft the edges are of the lips and then of each hole, see `polygon_coverage`;
            none are all sharp.
    """
    check("paint", image, points, triangles, uv, affine, sources, lips)
    around_lips, *around_holes = softness("paint", holes, soft)
    texels = rasterise(points, triangles, uv, origin, shape)
    hidden = np.zeros(shape, np.float32)
    for hole, edge in zip(holes, around_holes, strict=True):
        hidden = np.minimum(hidden + polygon_coverage(hole, origin, shape, float(edge)), 1)
    amount = polygon_coverage(lips, origin, shape, float(around_lips))
    composite(image, texels, origin, affine, sources, amount, 1 - hidden)


def _bilinear(sheet: F32, u: F32, v: F32) -> F64:
    """Sample (A, A, 6) at texel coordinates; equal neighbours give their value exactly."""
    last = len(sheet) - 1
    x, y = (np.clip(c.astype(np.float64) - 0.5, 0.0, last) for c in (u, v))
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, last), np.minimum(top + 1, last)
    fu, fv = (x - left)[:, None], (y - top)[:, None]
    corner = sheet.astype(np.float64)
    upper = corner[top, left] + fu * (corner[top, right] - corner[top, left])
    lower = corner[bottom, left] + fu * (corner[bottom, right] - corner[bottom, left])
    return np.asarray(upper + fv * (lower - upper))
