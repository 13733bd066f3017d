"""The kernels of a session on the GPU: a box of the frame goes up once and comes down once.

Between `unwrap` and `store` nothing waits, nothing is read back and nothing is copied to the host;
layers of networks on the same stream come in by DLPack, textures go out by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cuda_launch as launch
from .cuda_device import Box, Device
from .sets import Canvas
from .shapes import softness

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

TABLES = 64  # kept on the device: an atlas has eight, every set of intensities adds one
MARGIN = 32  # px copied around faces, for strides and for landmarks that are steadied later


@lru_cache(maxsize=4)
def _ones(side: int) -> F32:
    """(A, A) what is free where nothing is covered."""
    return np.ones((side, side), np.float32)


@dataclass(slots=True, eq=False)
class Picture:
    """A frame of which as much is on the device as was needed so far."""

    host: U8
    expected: list[F32]
    pixels: Any = None  # (H, W, 3) uint8 on the device, valid in `box`; None before the first need
    box: Box = ((0, 0), (0, 0))
    painted: Box = ((0, 0), (0, 0))
    copy: Canvas | None = None  # of the frame, on the host, for what is painted to come back to

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the frame, (H, W, 3)."""
        return self.host.shape


class CudaSet:
    """A `KernelSet` on a CUDA device. Arguments are not checked: a session's are right by birth."""

    name = "cuda"

    def __init__(self, device: Device) -> None:
        self.device = device
        # By identity of the array on the host; holding it keeps the identity from being reused.
        self._tables: OrderedDict[int, tuple[NDArray[Any], Any]] = OrderedDict()

    def picture(self, image: U8, expected: Sequence[F32]) -> Picture:
        """See `KernelSet.picture`."""
        return Picture(image, list(expected))

    def textures(self, faces: int, side: int) -> Any:
        """See `KernelSet.textures`; torch takes it by DLPack."""
        return self.device.empty((faces, side, side, 4), np.float32)

    def unwrap(
        self, picture: Picture, points: F32, vertex_visibility: F32, triangles: I32,
        texel_triangle: I32, texel_barycentric: F32, stride: int, texture: Any,
    ) -> None:  # fmt: skip
        """See `KernelSet.unwrap`."""
        self._bring(picture, [points], stride + 1)
        seen = self.device.upload(vertex_visibility)
        corners, owner = self._table(triangles), self._table(texel_triangle)
        launch.unwrap(
            self.device, picture.pixels, self.device.upload(points), seen, corners, owner,
            self._table(texel_barycentric), stride, texture[..., :3], texture[..., 3],
        )  # fmt: skip

    def follow(
        self, previous: Any, current: Any, visibility: Any, step: float, believed: float
    ) -> Any:
        """See `KernelSet.follow`."""
        smoothed = self.device.empty(previous.shape, np.float32)
        launch.follow(self.device, previous, current, visibility, step, believed, smoothed)
        return smoothed

    def average(
        self, own: Any, visibility: Any, near: Sequence[float], others: Sequence[Any],
        seen: Sequence[Any], believed: float,
    ) -> Any:  # fmt: skip
        """See `KernelSet.average`."""
        return launch.average(self.device, own, visibility, near, others, seen, believed)

    def gate(
        self, affine: Any, weights: F32, gates: F32, visibility: Any, free: F32 | None = None
    ) -> Any:
        """See `KernelSet.gate`."""
        shown = self._table(_ones(len(affine))) if free is None else self.device.upload(free)
        shares, strengths = self._table(weights), self.device.upload(gates)
        return launch.gate(self.device, affine, shares, strengths, visibility, shown)

    def canvas(self, picture: Picture, faces: Sequence[F32]) -> Picture:
        """See `KernelSet.canvas`: the copy on the device is painted.

        One on the host is made while the device is at work.
        """
        self._bring(picture, faces, 0)
        picture.painted = _box_around(faces, picture.shape, 0)
        picture.copy = Canvas(picture.host)
        return picture

    def paint(
        self, canvas: Picture, points: F32, triangles: I32, uv: F32, origin: tuple[int, int],
        shape: tuple[int, int], affine: Any, sources: I32, lips: F32, holes: Sequence[F32],
        soft: Sequence[float] = (),
    ) -> None:  # fmt: skip
        """See `KernelSet.paint`."""
        edges = softness("paint", holes, soft)
        spots = self.device.upload(points)
        corners, texels = self._table(triangles), self._table(uv)
        mesh = launch.set_up_mesh(self.device, spots, corners, texels, origin, shape)
        cut = launch.cross(self.device, [lips, *holes], origin, shape, edges)
        layer = affine, self._table(sources)
        launch.paint(self.device, canvas.pixels, mesh, cut, origin, shape, *layer)

    def store(self, canvas: Picture) -> U8:
        """See `KernelSet.store`; waits for the stream, once."""
        assert canvas.copy is not None
        image = canvas.copy.image
        self.device.download_box(canvas.pixels, image, canvas.painted)
        return image

    def _bring(self, picture: Picture, faces: Sequence[F32], margin: int) -> None:
        """Have the box around faces on the device; the first time with all that is expected."""
        needed = _box_around(faces, picture.shape, margin)
        if picture.pixels is None:
            picture.pixels = self.device.empty(picture.shape, np.uint8)
        elif _holds(picture.box, needed):
            return
        picture.box = _box_around([*picture.expected, *faces], picture.shape, MARGIN + margin)
        self.device.upload_box(picture.host, picture.pixels, picture.box)

    def _table(self, array: NDArray[Any]) -> Any:
        """The copy on the device of an array that is the same in every frame."""
        kept = self._tables.pop(id(array), None) or (array, self.device.upload(array))
        self._tables[id(array)] = kept
        while len(self._tables) > TABLES:
            self._tables.popitem(last=False)
        return kept[1]


def _box_around(faces: Sequence[F32], shape: tuple[int, ...], margin: int) -> Box:
    """Whole pixels of a picture (H, W, ...) around faces (V, 2 or more), at least one pixel.

    Of a face outside the picture the border is seen, so that at least must be there.
    """
    points = np.concatenate([face[:, :2] for face in faces])
    points = points[np.isfinite(points).all(axis=1)]
    height, width = shape[:2]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else np.zeros((2, 2))
    x0, y0 = np.clip(np.floor(low) - margin, 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(high) + margin, (x0 + 1, y0 + 1), (width, height)).astype(int)
    return (int(x0), int(y0)), (int(y1 - y0), int(x1 - x0))


def _holds(box: Box, other: Box) -> bool:
    (x0, y0), (height, width) = box
    (left, top), (h, w) = other
    return x0 <= left and y0 <= top and left + w <= x0 + width and top + h <= y0 + height
