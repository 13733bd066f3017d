"""How each CUDA kernel is launched: scratch memory, number of threads, order of arguments.

It turns arrays on a device into arrays on it; it never checks them, copies them to the host or
waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .cuda_device import TILE, Device, grid_of
from .reference_time import HIDDEN

TRIANGLE_BYTES = 248  # struct Triangle of raster.cu
SUBSCANLINES = 4

F32 = NDArray[np.float32]
Point = tuple[int, int]


class Mesh(NamedTuple):
    """Triangles set up for a box and sorted into its tiles."""

    drawn: Any  # (T * TRIANGLE_BYTES,) uint8
    bins: Any  # room for (tiles, words) uint32, a bit for each triangle
    words: int


class Crossings(NamedTuple):
    """Where the sub-scanlines of a box cross polygons."""

    crossings: Any  # room for (P, capacity, lines) float64, px, sorted
    counts: Any  # room for (P, lines) int32
    polygons: int
    capacity: int  # crossings a line has room for
    soft: Any  # (P,) float32 of the edges, see `reference.polygon_coverage`


def room_for(device: Device, count: int, dtype: DTypeLike) -> Any:
    """Memory for so many numbers, (a power of two,): as the box of a face grows, it seldom does.

    A pool hands out a block again only where the size fits, and never joins two that it asked the
    driver for: with a size for every row of the box a coming face would fill the GPU.
    """
    return device.empty((1 << max(count - 1, 0).bit_length(),), dtype)


def set_up_mesh(
    device: Device, points: Any, triangles: Any, uv: Any, origin: Point, shape: Point
) -> Mesh:
    """Prepare triangles for `rasterise` and `paint`; see `reference.rasterise`."""
    count, (height, width) = len(triangles), shape
    across, down = grid_of((width, height))
    words = -(-count // 32)
    drawn = device.empty((count * TRIANGLE_BYTES,), np.uint8)
    bins = room_for(device, across * down * words, np.uint32)
    device.launch(
        "set_up_triangles", (count,), points, triangles, uv, count, *origin, width, height, drawn
    )
    threads = (across * down * words,)
    tiles = across * down
    device.launch("bin_triangles", threads, drawn, count, words, TILE, across, tiles, bins)
    return Mesh(drawn, bins, words)


def rasterise(device: Device, mesh: Mesh, origin: Point, shape: Point) -> Any:
    """Texel of each pixel, (h, w, 2) float32; see `reference.rasterise`."""
    height, width = shape
    texels = device.empty((height, width, 2), np.float32)
    device.launch(
        "rasterise", (width, height), mesh.drawn, mesh.bins, mesh.words, *origin, width, height,
        texels,
    )  # fmt: skip
    return texels


def cross(
    device: Device, polygons: Sequence[F32], origin: Point, shape: Point, soft: F32
) -> Crossings:
    """Cut polygons into sub-scanlines for `polygon_coverage` and `paint`.

    Args:
        device: where.
        polygons: each (N, 2) float32 px on the host; one of fewer than three corners or with a
            broken one covers nothing.
        origin: (x0, y0) of the box in px.
        shape: (h, w) of the box in px.
        soft: (P,) of the edges, on the host; the row above the box and the one below are cut too.
    """
    sound = [p if len(p) >= 3 and np.isfinite(p).all() else p[:0] for p in polygons]
    lengths = [len(polygon) for polygon in sound]
    starts = np.cumsum([0, *lengths], dtype=np.int32)
    count, capacity, lines = len(sound), max(lengths), (shape[0] + 2) * SUBSCANLINES
    crossings = room_for(device, count * capacity * lines, np.float64)
    counts = room_for(device, count * lines, np.int32)
    corners = np.concatenate(sound) if capacity else np.zeros((1, 2), np.float32)
    device.launch(
        "cross_polygons", (count * lines,), device.upload(corners), device.upload(starts), count,
        origin[1] - 1, lines, capacity, crossings, counts,
    )  # fmt: skip
    return Crossings(crossings, counts, count, capacity, device.upload(soft))


def polygon_coverage(device: Device, cut: Crossings, origin: Point, shape: Point) -> Any:
    """Part of each pixel that the first polygon covers, (h, w) float32."""
    height, width = shape
    coverage = device.empty(shape, np.float32)
    device.launch(
        "polygon_coverage", (width, height), cut.crossings, cut.counts, cut.capacity, cut.soft,
        origin[0], width, height, coverage,
    )  # fmt: skip
    return coverage


def facing(device: Device, points: Any, triangles: Any, low: float, high: float) -> Any:
    """How well each vertex is seen, (V,) float32; see `reference.facing`."""
    count = len(points)
    seen = device.empty((count,), np.float32)
    limits = float(low), float(high)
    device.launch("facing", (count,), points, triangles, count, len(triangles), *limits, seen)
    return seen


def unwrap(
    device: Device,
    frame: Any,
    points: Any,
    vertex_visibility: Any,
    triangles: Any,
    texel_triangle: Any,
    texel_barycentric: Any,
    stride: int,
    colour: Any,
    visibility: Any,
) -> None:
    """Fill `colour` (A, A, 3) and `visibility` (A, A); see `reference.unwrap`.

    Both may be views of one (A, A, 4) array.
    """
    height, width = frame.shape[:2]
    texels = texel_triangle.size
    steps = [array.strides[1] // array.itemsize for array in (colour, visibility)]
    device.launch(
        "unwrap", (texels,), frame, height, width, points, points.shape[1], vertex_visibility,
        triangles, texel_triangle, texel_barycentric, texels, stride, colour, steps[0],
        visibility, steps[1],
    )  # fmt: skip


def gate(device: Device, affine: Any, weights: Any, gates: Any, visibility: Any, free: Any) -> Any:
    """A faded layer (A, A, 6) float32; see `reference.gate`.

    Visibility (A, A) may be a view of an (A, A, 4) array; what is free (A, A) is a factor of it.
    """
    gated = device.empty(affine.shape, np.float32)
    texels, regions = visibility.size, weights.shape[-1]
    step = visibility.strides[1] // visibility.itemsize
    device.launch(
        "gate", (texels,), affine, weights, gates, regions, visibility, step, free, texels, gated
    )
    return gated


def ema(device: Device, previous: Any, current: Any, weight: Any) -> Any:
    """A running average (A, A, C) float32; see `reference.ema`."""
    smoothed = device.empty(previous.shape, np.float32)
    channels, texels = previous.shape[-1], weight.size
    device.launch("ema", (texels,), previous, current, weight, channels, texels, smoothed)
    return smoothed


def follow(
    device: Device,
    previous: Any,
    current: Any,
    visibility: Any,
    step: float,
    believed: float,
    smoothed: Any,
) -> None:
    """Fill `smoothed` (A, A, C), which may be `previous`; see `reference.follow`.

    Visibility (A, A) may be a view of an (A, A, 4) array.
    """
    channels, texels = previous.shape[-1], visibility.size
    visibility_step = visibility.strides[1] // visibility.itemsize
    device.launch(
        "follow", (texels,), previous, current, visibility, visibility_step, float(step),
        float(believed), channels, texels, smoothed,
    )  # fmt: skip


def average(
    device: Device, own: Any, visibility: Any, near: Sequence[float], others: Sequence[Any],
    seen: Sequence[Any], believed: float,
) -> Any:  # fmt: skip
    """Mean with neighbours in time (A, A, C) float32, or `own`; see `reference.average`.

    Visibilities (A, A) may be views of (A, A, 4) arrays.
    """
    if not len(others):
        return own
    mean, total = (device.empty(a.shape, np.float32) for a in (own, visibility))
    channels, texels = own.shape[-1], visibility.size
    for k, (weight, other, there) in enumerate(zip(near, others, seen, strict=True)):
        steps = [array.strides[1] // array.itemsize for array in (visibility, there)]
        device.launch(
            "average", (texels,), mean, total, own, visibility, steps[0], other, there, steps[1],
            float(weight), float(believed), HIDDEN, int(k == 0), channels, texels,
        )  # fmt: skip
    return mean


def composite(
    device: Device, image: Any, texels: Any, origin: Point, affine: Any, sources: Any, lips: Any,
    cover: Any,
) -> None:  # fmt: skip
    """Paint (H, W, 3) uint8 in place; see `reference.composite`."""
    height, width = cover.shape
    device.launch(
        "composite", (width, height), image, image.shape[1], image.shape[0], texels, *origin, width,
        height, affine, sources, len(affine), lips, cover,
    )  # fmt: skip


def paint(
    device: Device, image: Any, mesh: Mesh, cut: Crossings, origin: Point, shape: Point,
    affine: Any, sources: Any,
) -> None:  # fmt: skip
    """Rasterise, cover and composite in one pass over the box, in place; see `reference.paint`.

    The first polygon of `cut` bounds the lips, the others are holes.
    """
    height, width = shape
    device.launch(
        "paint", (width, height), image, image.shape[1], image.shape[0], *origin, width, height,
        mesh.drawn, mesh.bins, mesh.words, cut.crossings, cut.counts, cut.polygons, cut.capacity,
        cut.soft, affine, sources, len(affine),
    )  # fmt: skip
