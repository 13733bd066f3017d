"""What a session needs of kernels: a frame in, painted faces out, and arrays that stay in between.

A set names the kernels of `reference` it has; what it hands out (pictures, textures, layers) only
the set itself can read, so that a set on a GPU copies a frame there once and back once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


KERNELS = ("auto", "cuda", "cpu")
"""What may be asked for."""


class KernelSet(Protocol):
    """Kernels whose arrays stay where they run; nothing given to them is written to.

    Points, polygons, gates and the tables of an atlas are NumPy arrays; `Any` stands for the set's
    own arrays. A table is taken to be the same as long as it is the same object. One thread at a
    time; for each frame `picture`, then any `unwrap`, then `canvas`, any `paint` and `store`.
    """

    name: str  # "cpu" or "cuda"

    def picture(self, image: U8, expected: Sequence[F32]) -> Any:
        """A frame (H, W, 3) uint8 RGB to unwrap faces from; it has a `shape`.

        Args:
            image: the frame, not changed as long as the picture is used.
            expected: (V, 2 or more) px, points of each face that may be unwrapped or painted: a
                hint at what to copy in one go. Nothing is copied before a face is.
        """
        ...

    def textures(self, faces: int, side: int) -> Any:
        """A new (N, A, A, 4) float32 array for `unwrap`, not initialised."""
        ...

    def unwrap(
        self, picture: Any, points: F32, vertex_visibility: F32, triangles: I32,
        texel_triangle: I32, texel_barycentric: F32, stride: int, texture: Any,
    ) -> None:  # fmt: skip
        """Fill one texture (A, A, 4), colour and visibility; see `reference.unwrap`."""
        ...

    def follow(
        self, previous: Any, current: Any, visibility: Any, step: float, believed: float
    ) -> Any:
        """See `reference.follow`."""
        ...

    def average(
        self, own: Any, visibility: Any, near: Sequence[float], others: Sequence[Any],
        seen: Sequence[Any], believed: float,
    ) -> Any:  # fmt: skip
        """See `reference.average`."""
        ...

    def gate(
        self, affine: Any, weights: F32, gates: F32, visibility: Any, free: F32 | None = None
    ) -> Any:
        """See `reference.gate`; the weights are a table.

        Args:
            affine: maps of this set.
            weights: how much of each region a texel is.
            gates: intensities.
            visibility: of this set.
            free: (A, A) 0..1, a further factor of every weight, new in each frame; None is 1.
        """
        ...

    def canvas(self, picture: Any, faces: Sequence[F32]) -> Any:
        """A copy of the picture to paint on; it has a `shape`.

        Args:
            picture: it cannot be unwrapped from any more.
            faces: (V, 2 or more) px, points of each face that will be painted.
        """
        ...

    def paint(
        self, canvas: Any, points: F32, triangles: I32, uv: F32, origin: tuple[int, int],
        shape: tuple[int, int], affine: Any, sources: I32, lips: F32, holes: Sequence[F32],
        soft: Sequence[float] = (),
    ) -> None:  # fmt: skip
        """Paint on a canvas, inside a box around one of its faces; see `reference.paint`."""
        ...

    def store(self, canvas: Any) -> U8:
        """The painted frame, a new (H, W, 3) uint8 array."""
        ...


class Canvas:
    """A picture to paint on; another thread copies it while this one gets the paint ready."""

    def __init__(self, picture: U8) -> None:
        from .compiled import beside

        self.shape = picture.shape
        self._image = np.empty(picture.shape, np.uint8)
        self._wait = beside(partial(np.copyto, self._image, picture))

    @property
    def image(self) -> U8:
        """The copy, (H, W, 3) uint8."""
        self._wait()
        return self._image


class CpuSet:
    """The Numba kernels. Its arrays are NumPy arrays, its pictures are the frames themselves."""

    name = "cpu"

    def picture(self, image: U8, expected: Sequence[F32]) -> U8:
        """See `KernelSet.picture`."""
        return image

    def textures(self, faces: int, side: int) -> F32:
        """See `KernelSet.textures`."""
        return np.empty((faces, side, side, 4), np.float32)

    def unwrap(
        self, picture: U8, points: F32, vertex_visibility: F32, triangles: I32,
        texel_triangle: I32, texel_barycentric: F32, stride: int, texture: F32,
    ) -> None:  # fmt: skip
        """See `KernelSet.unwrap`."""
        from . import cpu

        tables = triangles, texel_triangle, texel_barycentric
        cpu.unwrap_into(texture, picture, points, vertex_visibility, *tables, stride)

    def follow(
        self, previous: F32, current: F32, visibility: F32, step: float, believed: float
    ) -> F32:
        """See `KernelSet.follow`."""
        from . import cpu

        return cpu.follow(previous, current, visibility, step, believed)

    def average(
        self, own: F32, visibility: F32, near: Sequence[float], others: Sequence[F32],
        seen: Sequence[F32], believed: float,
    ) -> F32:  # fmt: skip
        """See `KernelSet.average`."""
        from . import cpu

        return cpu.average(own, visibility, near, others, seen, believed)

    def gate(
        self, affine: F32, weights: F32, gates: F32, visibility: F32, free: F32 | None = None
    ) -> F32:
        """See `KernelSet.gate`."""
        from . import cpu

        if free is not None:
            weights = weights * free[..., None]
        return cpu.gate(affine, weights, gates, visibility)

    def canvas(self, picture: U8, faces: Sequence[F32]) -> Canvas:
        """See `KernelSet.canvas`."""
        return Canvas(picture)

    def paint(
        self, canvas: Canvas, points: F32, triangles: I32, uv: F32, origin: tuple[int, int],
        shape: tuple[int, int], affine: F32, sources: I32, lips: F32, holes: Sequence[F32],
        soft: Sequence[float] = (),
    ) -> None:  # fmt: skip
        """See `KernelSet.paint`."""
        from . import cpu

        mesh = points, triangles, uv, origin, shape
        cpu.paint(canvas.image, *mesh, affine, sources, lips, holes, soft)

    def store(self, canvas: Canvas) -> U8:
        """See `KernelSet.store`."""
        return canvas.image


CPU = CpuSet()
