"""Numba kernels: the fast twins of `reference`, with the same names, arguments and meaning.

They turn arrays into arrays within 1/255 of the reference; they never convert a dtype. They may be
called from any number of Python threads at once (compiled.py says how).

Importing this module compiles every loop the first time on a machine (about ten seconds) and
loads the machine code from disk after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from . import colour
from .compiled import keep_memory, spread
from .cpu_atlas import (
    average_texels,
    ema_texels,
    face_vertices,
    follow_texels,
    gate_texels,
    unwrap_texels,
)
from .cpu_pixels import composite_rows, paint_rows, polygon_rows, rasterise_rows
from .reference_time import HIDDEN
from .shapes import (
    check,
    check_box,
    check_indices,
    check_soft,
    check_stride,
    check_writable,
    softness,
)

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
    "unwrap_into",
    "warm_up",
]

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Scalar = TypeVar("Scalar", bound=np.generic)

# Pixels or texels of one band worth a thread of its own: costly ones, and copies.
PAINTED, COPIED = 10_000, 50_000


def _plain(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The array itself, or a copy when it is a view with gaps or not aligned in memory."""
    plain = array.flags.c_contiguous and array.flags.aligned
    return array if plain else np.array(array, order="C")


def rasterise(
    points: F32, triangles: I32, uv: F32, origin: tuple[int, int], shape: tuple[int, int]
) -> F32:
    """See `reference.rasterise`."""
    check("rasterise", points, triangles, uv)
    check_box("rasterise", origin, shape)
    check_indices("rasterise", "triangles", triangles, 0, len(points))
    texels = np.empty((*shape, 2), np.float32)
    depth = np.empty(shape, np.float32)
    arrays = [_plain(array) for array in (points, triangles, uv)]
    least = PAINTED // max(shape[1], 1)
    spread(shape[0], least, (rasterise_rows, *arrays, *origin, depth, texels))
    return texels


def polygon_coverage(
    polygon: F32, origin: tuple[int, int], shape: tuple[int, int], soft: float = 0.0
) -> F32:
    """See `reference.polygon_coverage`."""
    check("polygon_coverage", polygon)
    check_box("polygon_coverage", origin, shape)
    check_soft("polygon_coverage", soft)
    coverage = np.zeros(shape, np.float32)
    polygon_rows(_plain(polygon), *origin, 1.0, float(soft), coverage, 0, shape[0])
    return coverage


def facing(points: F32, triangles: I32, low: float, high: float) -> F32:
    """See `reference.facing`."""
    check("facing", points, triangles)
    check_indices("facing", "triangles", triangles, 0, len(points))
    seen = np.empty(len(points), np.float32)
    face_vertices(_plain(points), _plain(triangles), float(low), float(high), seen)
    return seen


def unwrap(
    frame: U8,
    points: F32,
    vertex_visibility: F32,
    triangles: I32,
    texel_triangle: I32,
    texel_barycentric: F32,
    stride: int = 1,
) -> tuple[F32, F32]:
    """See `reference.unwrap`; both results are views of one (A, A, 4) array."""
    packed = np.empty((*texel_triangle.shape, 4), np.float32)
    tables = triangles, texel_triangle, texel_barycentric
    unwrap_into(packed, frame, points, vertex_visibility, *tables, stride)
    return packed[..., :3], packed[..., 3]


def unwrap_into(
    packed: F32,
    frame: U8,
    points: F32,
    vertex_visibility: F32,
    triangles: I32,
    texel_triangle: I32,
    texel_barycentric: F32,
    stride: int = 1,
) -> None:
    """`unwrap` into one (A, A, 4) contiguous array, colour and visibility."""
    check("unwrap", frame, points, vertex_visibility, triangles, texel_triangle, texel_barycentric)
    check_indices("unwrap", "triangles", triangles, 0, len(points))
    check_indices("unwrap", "texel_triangle", texel_triangle, -1, len(triangles))
    check_stride(stride, points)
    wanted = (*texel_triangle.shape, 4)
    if packed.dtype != np.float32 or packed.shape != wanted or not packed.flags.c_contiguous:
        found = f"{packed.dtype} {packed.shape}"
        raise ValueError(f"unwrap: packed is {found}; give contiguous float32 {wanted}.")
    arguments = (
        frame,
        _plain(points),
        _plain(vertex_visibility),
        _plain(triangles),
        _plain(texel_triangle).reshape(-1),
        _plain(texel_barycentric).reshape(-1, 3),
        stride,
        packed.reshape(-1, 4),
    )
    spread(texel_triangle.size, PAINTED, (unwrap_texels, *arguments))


def gate(affine: F32, weights: F32, gates: F32, visibility: F32) -> F32:
    """See `reference.gate`."""
    check("gate", affine, weights, gates, visibility)
    gated = np.empty(affine.shape, np.float32)
    arguments = (
        _plain(affine).reshape(-1, 6),
        _plain(weights).reshape(visibility.size, weights.shape[-1]),
        _plain(gates),
        visibility.reshape(-1),
        gated.reshape(-1, 6),
    )
    spread(visibility.size, COPIED, (gate_texels, *arguments))
    return gated


def composite(
    image: U8,
    texels: F32,
    origin: tuple[int, int],
    affine: F32,
    sources: I32,
    lips: F32,
    cover: F32,
) -> None:
    """See `reference.composite`."""
    check("composite", image, texels, affine, sources, lips, cover)
    check_writable("composite", "image", image)
    check_box("composite", origin, cover.shape)
    check_indices("composite", "sources", sources, 0, sources[0].size)
    arguments = (
        image,
        _plain(texels),
        *origin,
        *_flat(affine, sources),
        _plain(lips),
        _plain(cover),
        *_tables(),
    )
    spread(texels.shape[0], PAINTED // max(texels.shape[1], 1), (composite_rows, *arguments))


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
    """See `reference.paint`."""
    check("paint", image, points, triangles, uv, affine, sources, lips)
    check_writable("paint", "image", image)
    check_box("paint", origin, shape)
    check_indices("paint", "triangles", triangles, 0, len(points))
    check_indices("paint", "sources", sources, 0, sources[0].size)
    for hole in holes:
        check("polygon_coverage", hole)
    edges = softness("paint", holes, soft)
    arguments = (
        image,
        _plain(points),
        _plain(triangles),
        _plain(uv),
        *origin,
        shape[1],
        *_flat(affine, sources),
        np.concatenate((lips, *holes)),
        np.cumsum([len(lips), *map(len, holes)], dtype=np.int32),
        edges,
        *_tables(),
    )
    spread(shape[0], PAINTED // max(shape[1], 1), (paint_rows, *arguments))


def _flat(affine: F32, sources: I32) -> tuple[F32, I32, int]:
    """Maps and sources of flat texels, and texels a side."""
    return _plain(affine).reshape(-1, 6), _plain(sources).reshape(2, -1), len(affine)


def _tables() -> tuple[F32, F32, U8]:
    """Light of a level, and the way back."""
    return colour.light_of_level(), colour.border_of_level(), colour.level_of_bucket()


def ema(previous: F32, current: F32, weight: F32) -> F32:
    """See `reference.ema`."""
    check("ema", previous, current, weight)
    smoothed = np.empty(previous.shape, np.float32)
    arguments = (
        _plain(previous).reshape(weight.size, previous.shape[-1]),
        _plain(current).reshape(weight.size, previous.shape[-1]),
        _plain(weight).reshape(-1),
        smoothed.reshape(weight.size, previous.shape[-1]),
    )
    spread(weight.size, COPIED, (ema_texels, *arguments))
    return smoothed


def follow(previous: F32, current: F32, visibility: F32, step: float, believed: float) -> F32:
    """See `reference.follow`."""
    check("follow", previous, current, visibility)
    smoothed = np.empty(previous.shape, np.float32)
    arguments = (
        _plain(previous).reshape(-1),
        _plain(current).reshape(-1),
        visibility.reshape(-1),
        float(step),
        float(believed),
        smoothed.reshape(-1),
    )
    spread(visibility.size, PAINTED, (follow_texels, *arguments))
    return smoothed


def average(
    own: F32,
    visibility: F32,
    near: Sequence[float],
    others: Sequence[F32],
    seen: Sequence[F32],
    believed: float,
) -> F32:
    """See `reference.average`."""
    check("follow", own, own, visibility)
    if not len(others):
        return own
    mean, total = np.array(own, order="C"), np.where(visibility <= 0, HIDDEN, np.float32(1))
    sums = mean.reshape(-1), total.reshape(-1)
    here = _plain(own).reshape(-1), visibility.reshape(-1)
    steps = []
    for weight, other, there in zip(near, others, seen, strict=True):
        check("follow", own, other, there)
        neighbour = _plain(other).reshape(-1), there.reshape(-1), float(weight), float(believed)
        steps.append((average_texels, *sums, *here, *neighbour))
    spread(visibility.size, PAINTED, *steps)
    return mean


def warm_up() -> None:
    """Run every kernel once, start its threads, and settle memory: the first frame is like others.

    The machine code itself is compiled or loaded when this module is imported.
    """
    side = 320  # large enough for every kernel to use its threads
    box = (side, side)
    points = np.array([[0, 0, 0], [side, 0, 0], [0, side, 0]], np.float32)
    triangles = np.array([[0, 1, 2]], np.int32)
    flat, image = np.zeros(box, np.float32), np.zeros((*box, 3), np.uint8)
    third = np.full((*box, 3), 1 / 3, np.float32)
    affine = np.zeros((*box, 6), np.float32)
    keep_memory()
    texels = rasterise(points, triangles, points[:, :2], (0, 0), box)
    facing(points, triangles, 0.0, 1.0)
    for stride in (1, 2):
        unwrap(image, points, points[:, 2], triangles, flat.astype(np.int32), third, stride)
    cover = polygon_coverage(points[:, :2], (0, 0), box)
    sources = np.zeros((2, *box), np.int32)
    composite(image, texels, (0, 0), affine, sources, flat, cover)
    lips = points[:, :2].copy()
    paint(image, points, triangles, lips, (0, 0), box, affine, sources, lips, (lips,))
    follow(ema(gate(affine, third, points[0], flat), affine, flat), affine, flat, 0.5, 1.0)
