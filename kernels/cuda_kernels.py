"""CUDA twins of `reference`: the same names, arguments and meaning, on NumPy arrays.

Every call uploads, launches and downloads, so these are for tests and tools; a stream of frames
uses `cuda_set`, whose arrays stay on the GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cuda_launch as launch
from .cuda_device import Device
from .shapes import (
    check,
    check_box,
    check_indices,
    check_soft,
    check_stride,
    check_writable,
    softness,
)

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


class CudaKernels:
    """The kernels on one device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def rasterise(
        self, points: F32, triangles: I32, uv: F32, origin: tuple[int, int], shape: tuple[int, int]
    ) -> F32:
        """See `reference.rasterise`."""
        check("rasterise", points, triangles, uv)
        check_box("rasterise", origin, shape)
        check_indices("rasterise", "triangles", triangles, 0, len(points))
        drawn = self._uploaded(points, triangles, uv)
        mesh = launch.set_up_mesh(self._device, drawn[0], drawn[1], drawn[2], origin, shape)
        return self._device.download(launch.rasterise(self._device, mesh, origin, shape))

    def polygon_coverage(
        self, polygon: F32, origin: tuple[int, int], shape: tuple[int, int], soft: float = 0.0
    ) -> F32:
        """See `reference.polygon_coverage`."""
        check("polygon_coverage", polygon)
        check_box("polygon_coverage", origin, shape)
        check_soft("polygon_coverage", soft)
        cut = launch.cross(self._device, [polygon], origin, shape, np.array([soft], np.float32))
        return self._device.download(launch.polygon_coverage(self._device, cut, origin, shape))

    def facing(self, points: F32, triangles: I32, low: float, high: float) -> F32:
        """See `reference.facing`."""
        check("facing", points, triangles)
        check_indices("facing", "triangles", triangles, 0, len(points))
        spots, corners = self._uploaded(points, triangles)
        return self._device.download(launch.facing(self._device, spots, corners, low, high))

    def unwrap(
        self,
        frame: U8,
        points: F32,
        vertex_visibility: F32,
        triangles: I32,
        texel_triangle: I32,
        texel_barycentric: F32,
        stride: int = 1,
    ) -> tuple[F32, F32]:
        """See `reference.unwrap`."""
        arrays = (
            frame, points, vertex_visibility, triangles, texel_triangle, texel_barycentric
        )  # fmt: skip
        check("unwrap", *arrays)
        check_indices("unwrap", "triangles", triangles, 0, len(points))
        check_indices("unwrap", "texel_triangle", texel_triangle, -1, len(triangles))
        check_stride(stride, points)
        colour = self._device.empty((*texel_triangle.shape, 3), np.float32)
        visibility = self._device.empty(texel_triangle.shape, np.float32)
        picture, spots, seen, corners, owner, shares = self._uploaded(*arrays)
        launch.unwrap(
            self._device, picture, spots, seen, corners, owner, shares, stride, colour, visibility
        )
        return self._device.download(colour), self._device.download(visibility)

    def gate(self, affine: F32, weights: F32, gates: F32, visibility: F32) -> F32:
        """See `reference.gate`."""
        check("gate", affine, weights, gates, visibility)
        free = np.ones_like(visibility)
        arrays = self._uploaded(affine, weights, gates, visibility, free)
        return self._device.download(launch.gate(self._device, *arrays))

    def composite(
        self,
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
        picture, spots, *arrays = self._uploaded(image, texels, affine, sources, lips, cover)
        launch.composite(self._device, picture, spots, origin, *arrays)
        image[...] = self._device.download(picture)

    def paint(
        self,
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
        picture, *layer = self._uploaded(image, affine, sources)
        spots, corners, texels = self._uploaded(points, triangles, uv)
        mesh = launch.set_up_mesh(self._device, spots, corners, texels, origin, shape)
        cut = launch.cross(self._device, [lips, *holes], origin, shape, edges)
        launch.paint(self._device, picture, mesh, cut, origin, shape, *layer)
        image[...] = self._device.download(picture)

    def ema(self, previous: F32, current: F32, weight: F32) -> F32:
        """See `reference.ema`."""
        check("ema", previous, current, weight)
        arrays = self._uploaded(previous, current, weight)
        return self._device.download(launch.ema(self._device, *arrays))

    def follow(
        self, previous: F32, current: F32, visibility: F32, step: float, believed: float
    ) -> F32:
        """See `reference.follow`."""
        check("follow", previous, current, visibility)
        smoothed = self._device.empty(previous.shape, np.float32)
        old, new, seen = self._uploaded(previous, current, visibility)
        launch.follow(self._device, old, new, seen, step, believed, smoothed)
        return self._device.download(smoothed)

    def average(
        self,
        own: F32,
        visibility: F32,
        near: Sequence[float],
        others: Sequence[F32],
        seen: Sequence[F32],
        believed: float,
    ) -> F32:
        """See `reference.average`."""
        for other, there in zip(others, seen, strict=True):
            check("follow", own, other, there)
        maps, shown = self._uploaded(own, visibility)
        neighbours = near, self._uploaded(*others), self._uploaded(*seen)
        mean = launch.average(self._device, maps, shown, *neighbours, believed)
        return self._device.download(mean)

    def _uploaded(self, *arrays: NDArray[Any]) -> list[Any]:
        return [self._device.upload(array) for array in arrays]
