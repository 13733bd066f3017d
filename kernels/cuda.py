"""The CUDA device: one stream, the compiled .cu files, and copies from and to pinned memory.

It turns NumPy arrays into arrays on the GPU and launches kernels on them; it never waits for the
whole device, only for its own stream. The only importer of CuPy, when a device is opened.

Not run by us on a GPU yet. Without one, tests run the kernels and every launch through a C++ twin
of this class (tests/kernels/cpp_device.py), and this class over a stand-in for CuPy (fake_cupy.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .cuda_device import Box, as_argument, block_of, grid_of

# One translation unit, in this order: each may use what stands before it.
SOURCES = ("colour.cu", "atlas.cu", "raster.cu", "polygon.cu", "composite.cu")

# Products and sums round one by one, as in NumPy: both sides of an edge must stay exact negatives.
OPTIONS = ("--std=c++17", "--fmad=false")

REMEDY = "pip install 'tryon[gpu]' on a machine with an NVIDIA GPU and its driver"
UPDATE = "update the NVIDIA driver, then pip install --upgrade 'tryon[gpu]'"


@cache
def source() -> str:
    """The CUDA C++ of every kernel; errors are told by file and line."""
    folder = Path(__file__).parent
    return "".join(
        f'#line 1 "{name}"\n{(folder / name).read_text(encoding="utf-8")}\n' for name in SOURCES
    )


def why_not() -> str | None:
    """Why no CUDA device can be opened here, with the remedy; None if one can."""
    try:
        import cupy
    except Exception as error:  # what it is built for and what is here may differ in any way
        text = " ".join(str(error).replace("=", "").split())  # CuPy tells it on ten lines
        return f"CuPy cannot be imported ({text}): {REMEDY}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        return f"CUDA does not start ({error}): install or update the NVIDIA driver"
    return None if count else "no NVIDIA GPU is visible: check CUDA_VISIBLE_DEVICES"


class CudaDevice:
    """A GPU as `cuda_device.Device`; one thread uses it at a time."""

    def __init__(self, stream: Any = None) -> None:
        """Open the current GPU and compile the kernels, or load them from CuPy's cache.

        Args:
            stream: what everything runs on: any object with `__cuda_stream__` or `cuda_stream`,
                such as the `torch.cuda.Stream` of the networks; None makes a stream of its own.

        Raises:
            RuntimeError: there is no usable GPU; the message has the remedy.
        """
        reason = why_not()
        if reason is not None:
            raise RuntimeError(reason)
        import cupy

        self._cupy = cupy
        self._lent = stream  # it ends with its owner's last reference
        streams = cupy.cuda.Stream
        if stream is None:
            self.stream = streams(non_blocking=True)
        elif hasattr(streams, "from_external") and hasattr(stream, "__cuda_stream__"):
            self.stream = streams.from_external(stream)
        else:  # before CuPy 14 or PyTorch 2.10
            self.stream = cupy.cuda.ExternalStream(stream.cuda_stream)
        self._module = cupy.RawModule(code=source(), options=OPTIONS)
        self._kernels: dict[str, Any] = {}
        self._done = cupy.cuda.Event(block=True, disable_timing=True)
        self._in_flight: list[Any] = []  # pinned blocks that a copy may still read
        self._staging: NDArray[np.uint8] = self._pinned((0, 0, 3), np.uint8)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """New array on the GPU, not initialised; from CuPy's pool, so seldom a real allocation."""
        with self.stream:
            return self._cupy.empty(shape, dtype)

    def upload(self, array: NDArray[Any]) -> Any:
        """Copy a small array to the GPU through pinned memory, without waiting."""
        block = self._pinned(array.shape, array.dtype)
        block[...] = array
        self._in_flight.append(block)
        copy = self.empty(array.shape, array.dtype)
        if array.nbytes:
            runtime = self._cupy.cuda.runtime
            kind = runtime.memcpyHostToDevice
            place = block.ctypes.data
            runtime.memcpyAsync(copy.data.ptr, place, array.nbytes, kind, self.stream.ptr)
        return copy

    def download(self, array: Any) -> NDArray[Any]:
        """Copy an array from the GPU, after everything launched so far."""
        self.wait()
        copy: NDArray[Any] = self._cupy.asnumpy(array, stream=self.stream)
        return copy

    def adopt(self, array: Any) -> Any:
        """An array of another library on the same GPU, such as a torch tensor, without a copy."""
        with self.stream:
            return self._cupy.from_dlpack(array)

    def upload_box(self, host: NDArray[np.uint8], target: Any, box: Box) -> None:
        """Copy a box of a picture (H, W, 3) to the same place of `target`, without waiting."""
        if self._in_flight:  # the staging memory may still be read for a frame before
            self.wait()
        staging = self._staged(host.shape)
        (x0, y0), (height, width) = box
        rows = np.s_[y0 : y0 + height, x0 : x0 + width]
        staging[rows] = host[rows]
        self._in_flight.append(staging)
        self._copy_box(target.data.ptr, staging.ctypes.data, host.shape, box, up=True)

    def download_box(self, source: Any, host: NDArray[np.uint8], box: Box) -> None:
        """Copy a box of a picture on the GPU to the same place of `host`; waits for the stream."""
        staging = self._staged(host.shape)
        self._copy_box(staging.ctypes.data, source.data.ptr, host.shape, box, up=False)
        self.wait()
        (x0, y0), (height, width) = box
        rows = np.s_[y0 : y0 + height, x0 : x0 + width]
        host[rows] = staging[rows]

    def launch(self, kernel: str, threads: tuple[int, ...], *arguments: Any) -> None:
        """Run a kernel on the stream; see `Device.launch`."""
        if min(threads) == 0:
            return
        if kernel not in self._kernels:
            self._kernels[kernel] = self._module.get_function(kernel)
        values = tuple(as_argument(value) for value in arguments)
        with self.stream:
            self._kernels[kernel](grid_of(threads), block_of(threads), values)

    def _staged(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Pinned memory for one picture of a shape; the same until another shape is asked for."""
        if self._staging.shape != shape:
            self._staging = self._pinned(shape, np.uint8)
        return self._staging

    def _pinned(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """New array in memory that the GPU copies from and to by itself; from CuPy's pool."""
        count, kind = math.prod(shape), np.dtype(dtype)
        memory = self._cupy.cuda.alloc_pinned_memory(max(count * kind.itemsize, 1))
        return np.frombuffer(memory, kind, count).reshape(shape)

    @property
    def name(self) -> str:
        """Name of the GPU."""
        properties = self._cupy.cuda.runtime.getDeviceProperties(self._cupy.cuda.Device().id)
        return str(properties["name"].decode())

    def copy(self, source: Any, target: Any) -> None:
        """Copy an array on the GPU to another of its size."""
        runtime = self._cupy.cuda.runtime
        kind, size = runtime.memcpyDeviceToDevice, source.nbytes
        runtime.memcpyAsync(target.data.ptr, source.data.ptr, size, kind, self.stream.ptr)

    def milliseconds(self, step: Callable[[], object]) -> float:
        """Run something and tell how long the stream was busy with it.

        Only if work that was queued before lasts until all of it is queued; see `cuda_bench`.
        """
        cuda = self._cupy.cuda
        begin, end = cuda.Event(), cuda.Event()
        begin.record(self.stream)
        step()
        end.record(self.stream)
        end.synchronize()
        return float(cuda.get_elapsed_time(begin, end))

    def wait(self) -> None:
        """Wait until the stream has done everything so far, asleep, not spinning."""
        self._done.record(self.stream)
        self._done.synchronize()
        self._in_flight.clear()

    def _copy_box(
        self, target: int, source: int, shape: tuple[int, ...], box: Box, *, up: bool
    ) -> None:
        runtime = self._cupy.cuda.runtime
        (x0, y0), (height, width) = box
        pitch = shape[1] * 3
        start = y0 * pitch + x0 * 3
        kind = runtime.memcpyHostToDevice if up else runtime.memcpyDeviceToHost
        runtime.memcpy2DAsync(
            target + start, pitch, source + start, pitch, width * 3, height, kind, self.stream.ptr
        )
