"""Numba kernels: the fast twins of `reference`, with the same names, arguments and meaning.

They turn arrays into arrays within 1/255 of the reference; they never convert a dtype. They may be
called from any number of Python threads at once (compiled.py says how).

Importing this module compiles every loop the first time on a machine (about ten seconds) and
loads the machine code from disk after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from . import colour
from .compiled import COPIED, PAINTED, keep_memory, plain, spread
from .cpu_atlas import face_vertices, gate_texels, unwrap_texels
from .cpu_pixels import composite_rows, paint_rows
from .cpu_raster import polygon_coverage, rasterise
from .cpu_time import average, ema, follow
from .shapes import (
    check,
    check_box,
    check_indices,
    check_stride,
    check_writable,
    of_table,
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


def facing(points: F32, triangles: I32, low: float, high: float) -> F32:
    """See `reference.facing`."""
    check("facing", points, triangles)
    check_indices("facing", "triangles", triangles, 0, len(points))
    seen = np.empty(len(points), np.float32)
    face_vertices(plain(points), plain(triangles), float(low), float(high), seen)
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
        plain(points),
        plain(vertex_visibility),
        plain(triangles),
        plain(texel_triangle).reshape(-1),
        plain(texel_barycentric).reshape(-1, 3),
        stride,
        packed.reshape(-1, 4),
    )
    spread(texel_triangle.size, PAINTED, (unwrap_texels, *arguments))


def gate(affine: F32, weights: F32, gates: F32, visibility: F32) -> F32:
    """See `reference.gate`."""
    check("gate", affine, weights, gates, visibility)
    gated = np.empty(affine.shape, np.float32)
    arguments = (
        plain(affine).reshape(-1, 6),
        plain(weights).reshape(visibility.size, weights.shape[-1]),
        plain(gates),
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
        plain(texels[..., 0]),
        plain(texels[..., 1]),
        *origin,
        texels.shape[1],
        *_flat(affine, sources),
        plain(lips),
        plain(cover),
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
        plain(points),
        plain(triangles),
        plain(uv),
        *origin,
        shape[1],
        *_flat(affine, sources),
        np.concatenate((lips, *holes)),
        np.array([*accumulate(map(len, (lips, *holes)))], np.int32),
        edges,
        *_tables(),
    )
    spread(shape[0], PAINTED // max(shape[1], 1), (paint_rows, *arguments))


def _flat(affine: F32, sources: I32) -> tuple[F32, I32, U8, int]:
    """Maps, sources and `_own` of flat texels, and texels a side."""
    own = of_table(sources, _own)
    return plain(affine).reshape(-1, 6), plain(sources).reshape(2, -1), own, len(affine)


def _own(sources: I32) -> U8:
    """1 where a texel and the three after it take their own map in the first sheet, flat."""
    side = sources.shape[1]
    kept = np.zeros((side + 1, side + 1), bool)
    kept[:-1, :-1] = sources[0] == np.arange(side * side).reshape(side, side)
    alike = kept[:-1, :-1] & kept[1:, :-1] & kept[:-1, 1:] & kept[1:, 1:]
    return alike.astype(np.uint8).reshape(-1)


def _tables() -> tuple[F32, F32, U8]:
    """Light of a level, and the way back."""
    return colour.light_of_level(), colour.border_of_level(), colour.level_of_bucket()


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
