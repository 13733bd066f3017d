"""One frame on the GPU: the box of its faces goes up once, is painted there, comes down once.

It turns a picture and landmarks into atlas textures and layers into a painted picture; between
`load` and `store` it never waits, reads nothing back and copies nothing to the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cuda_launch as launch
from .cuda_device import Box, Device

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


class CudaFrame:
    """The buffers of one stream of frames and the constants of one atlas.

    One thread at a time, in this order for each frame: `load`, `unwrap` of every face, the
    networks, `smooth` and `paint` of every face, `store`.
    """

    def __init__(
        self,
        device: Device,
        *,
        uv: F32,
        triangles: I32,
        texel_triangle: I32,
        texel_barycentric: F32,
        weights: F32,
        rim: F32,
        sheet_sources: I32,
    ) -> None:
        """Upload the constants of the atlas.

        Args:
            device: where everything happens.
            uv: (V, 2) texel coordinates of the vertices.
            triangles: (T, 3) int32 indices of vertices.
            texel_triangle: (A, A) int32, -1 for none.
            texel_barycentric: (A, A, 3).
            weights: (A, A, R), how much of each region a texel is.
            rim: (A, A), how much makeup its place allows.
            sheet_sources: (2, A, A) int32 flat texel to copy for the sheets rest, lips.
        """
        self.device = device
        self.side = len(texel_triangle)
        self._uv, self._triangles = device.upload(uv), device.upload(triangles)
        self._atlas = device.upload(texel_triangle), device.upload(texel_barycentric)
        self._weights = device.upload(weights * rim[..., None])
        self._sheet_sources = device.upload(sheet_sources)
        self._picture: Any = device.empty((0, 0, 3), np.uint8)
        self._box: Box = ((0, 0), (0, 0))

    def load(self, image: U8, margin: int, *faces: F32) -> None:
        """Take the picture of a frame.

        Args:
            image: (H, W, 3) uint8 RGB; only the box around the faces is copied.
            margin: px around the points that `unwrap` may read: its largest stride.
            faces: (V, 2 or more) px, the points of each face, all finite.
        """
        points = np.concatenate([face[:, :2] for face in faces])
        (x0, y0), (height, width) = _box_around(points, image.shape, margin + 1)
        # Of a face outside the picture the border is seen, so that at least must be there.
        x0, y0 = min(x0, image.shape[1] - 1), min(y0, image.shape[0] - 1)
        self._box = (x0, y0), (max(height, 1), max(width, 1))
        if self._picture.shape != image.shape:
            self._picture = self.device.empty(image.shape, np.uint8)
        self.device.upload_box(image, self._picture, self._box)

    def textures(self, faces: int) -> Any:
        """A new (N, A, A, 4) float32 array on the device for `unwrap`; torch takes it by DLPack."""
        return self.device.empty((faces, self.side, self.side, 4), np.float32)

    def unwrap(self, points: F32, vertex_visibility: F32, stride: int, texture: Any) -> None:
        """Fill one texture (A, A, 4), colour and visibility; see `reference.unwrap`."""
        launch.unwrap(
            self.device,
            self._picture,
            self.device.upload(points),
            self.device.upload(vertex_visibility),
            self._triangles,
            *self._atlas,
            stride,
            texture[..., :3],
            texture[..., 3],
        )

    def follow(self, memory: Any, layer: Any, texture: Any, step: float, believed: float) -> None:
        """Smooth a layer (A, A, 6) into `memory`, in place; see `reference.follow`."""
        seen = texture[..., 3]
        launch.follow(self.device, memory, layer, seen, step, believed, memory)

    def paint(
        self, points: F32, lips: F32, holes: Sequence[F32], layer: Any, texture: Any, gates: F32
    ) -> None:
        """Put a layer on a face of the picture; see `reference.gate` and `reference.paint`.

        Args:
            points: (V, 3) float32 px; all finite.
            lips: (N, 2) float32 px, the outer lip contour.
            holes: contours of what stays bare, each (N, 2) float32 px.
            layer: (A, A, 6) float32 on the device.
            texture: (A, A, 4) of the face, for its visibility.
            gates: (R,) float32 intensities.
        """
        origin, shape = _box_around(points[:, :2], self._picture.shape, 0)
        if 0 in shape:
            return
        device = self.device
        mesh = launch.set_up_mesh(
            device, device.upload(points), self._triangles, self._uv, origin, shape
        )
        cut = launch.cross(device, [lips, *holes], origin, shape)
        gated = launch.gate(device, layer, self._weights, device.upload(gates), texture[..., 3])
        box = origin, shape
        launch.paint(device, self._picture, mesh, cut, *box, gated, self._sheet_sources)

    def store(self, image: U8) -> None:
        """Copy the box of the faces, painted, into a copy of the picture; waits for the stream."""
        self.device.download_box(self._picture, image, self._box)


def _box_around(points: F32, shape: tuple[int, ...], margin: int) -> Box:
    """Whole pixels of a picture (H, W, ...) around points (N, 2)."""
    limits = np.array([shape[1], shape[0]])
    x0, y0 = np.clip(np.floor(points.min(axis=0)) - margin, 0, limits).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)) + margin, 0, limits).astype(int)
    return (int(x0), int(y0)), (int(y1 - y0), int(x1 - x0))
