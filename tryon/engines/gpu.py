"""What the NVIDIA driver says about this machine's GPUs, asked directly.

It turns the driver library into names and numbers in milliseconds; it never loads PyTorch, CuPy or
the CUDA toolkit, and starts no process.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

TURN = threading.RLock()
"""Held by whoever has work for the GPU queued: while a CUDA graph is captured, no other thread of
the process may allocate there."""

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE: all GPUs are hidden, or there is none
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU."""

    name: str
    capability: str  # compute capability, such as "9.0"
    memory: int  # bytes


@dataclass(frozen=True, slots=True)
class GpuState:
    """The GPUs of this machine, or why there are none."""

    gpus: tuple[Gpu, ...]
    cuda: str  # newest CUDA the driver runs, such as "13.0"; "" without a driver
    problem: str | None  # with the remedy; None if there is a GPU


def gpu_state(driver: str = DRIVER) -> GpuState:
    """Ask the driver.

    Args:
        driver: File name of its library.
    """
    try:
        library = ctypes.CDLL(driver)
    except OSError:
        problem = f"no NVIDIA driver here ({driver} cannot be loaded): install it to use a GPU"
        return GpuState((), "", problem)
    number, count = ctypes.c_int(), ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(number))
    cuda = f"{number.value // 1000}.{number.value % 1000 // 10}"
    failed = library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count))
    if failed not in (0, _NO_DEVICE):
        problem = f"the NVIDIA driver does not start (CUDA error {failed}): reinstall it or reboot"
        return GpuState((), cuda, problem)
    gpus = tuple(_gpu(library, index) for index in range(count.value))
    hidden = "the NVIDIA driver shows no GPU: check CUDA_VISIBLE_DEVICES"
    return GpuState(gpus, cuda, None if gpus else hidden)


def why_no_torch_gpu() -> str | None:
    """Why PyTorch cannot use a GPU here, with the remedy; None if it can.

    PyTorch is imported only where the driver has a GPU to offer.
    """
    problem = gpu_state().problem
    if problem is not None:
        return problem
    if find_spec("torch") is None:
        return "PyTorch is not installed: pip install torch"
    import torch

    if torch.version.cuda is None:
        return "this PyTorch is built for CPUs only: pip install torch from the default index"
    if not torch.cuda.is_available():
        return f"PyTorch (CUDA {torch.version.cuda}) cannot use this driver: update the driver"
    return None


def _gpu(library: ctypes.CDLL, index: int) -> Gpu:
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    library.cuDeviceGet(ctypes.byref(device), index)
    library.cuDeviceGetName(name, len(name), device)
    library.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
    library.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    text = name.value.decode("utf-8", "replace")
    return Gpu(text, f"{major.value}.{minor.value}", memory.value)
