"""What the CUDA kernels run on: memory, copies and launches, in order, on one stream.

It names what `cuda_launch` and `cuda_set` need of a device, and how threads are counted; the GPU
itself is in cuda.py, and tests bring C++ compiled from the same .cu files.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

TILE = 16  # px; a block of threads is a tile of the box
LINEAR = 256  # threads of a block of texels

Box = tuple[tuple[int, int], tuple[int, int]]  # origin (x0, y0) and shape (h, w), px


class Device(Protocol):
    """Where kernels run. Everything happens in order; nothing but the last two waits."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """New array, not initialised."""
        ...

    def upload(self, array: NDArray[Any]) -> Any:
        """Copy a small array to the device."""
        ...

    def adopt(self, array: Any) -> Any:
        """An array of another library on the same device, without a copy (DLPack)."""
        ...

    def upload_box(self, host: NDArray[np.uint8], target: Any, box: Box) -> None:
        """Copy a box of a picture (H, W, 3) to the same place of `target`."""
        ...

    def launch(self, kernel: str, threads: tuple[int, ...], *arguments: Any) -> None:
        """Run a kernel: (n,) threads, or (w, h) in tiles."""
        ...

    def download(self, array: Any) -> NDArray[Any]:
        """Copy an array to the host."""
        ...

    def download_box(self, source: Any, host: NDArray[np.uint8], box: Box) -> None:
        """Copy a box of a picture on the device to the same place of `host`."""
        ...


def block_of(threads: tuple[int, ...]) -> tuple[int, ...]:
    """Threads of one block."""
    return (LINEAR,) if len(threads) == 1 else (TILE, TILE)


def grid_of(threads: tuple[int, ...]) -> tuple[int, ...]:
    """Blocks that hold so many threads."""
    return tuple(-(-n // size) for n, size in zip(threads, block_of(threads), strict=True))


def as_argument(value: Any) -> Any:
    """What a kernel is given: whole numbers as int, others as float, arrays as they are."""
    if isinstance(value, (int, np.integer)):
        return np.int32(value)
    return np.float32(value) if isinstance(value, (float, np.floating)) else value
