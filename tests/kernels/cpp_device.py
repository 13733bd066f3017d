"""A `cuda_device.Device` without a GPU: the very .cu files, compiled as C++ and run thread by
thread.

It stands in for the CUDA runtime alone, never for a kernel or a launch; g++ or clang++ is needed.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tryon.kernels.cuda import source
from tryon.kernels.cuda_device import Box, as_argument, block_of, grid_of

HEAD = """
#include <algorithm>
#include <cmath>
using std::isfinite; using std::max; using std::min;
#define __device__ static
#define __global__
#define __ffs __builtin_ffs
struct Place { unsigned x, y; };
static thread_local Place threadIdx, blockIdx, blockDim, gridDim;
"""

LAUNCHER = """
extern "C" void launch_{name}(const unsigned* grid, const unsigned* block, {parameters}) {{
    gridDim = {{grid[0], grid[1]}};
    blockDim = {{block[0], block[1]}};
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
    for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++)
    for (threadIdx.y = 0; threadIdx.y < block[1]; threadIdx.y++)
    for (threadIdx.x = 0; threadIdx.x < block[0]; threadIdx.x++)
        {name}({arguments});
}}
"""

DTYPES = {
    "float": "float32",
    "double": "float64",
    "int": "int32",
    "unsigned int": "uint32",
    "unsigned char": "uint8",
    "Triangle": "uint8",
}
SCALARS = {"int": ctypes.c_int32, "float": ctypes.c_float}
CANARY = np.frombuffer(b"\xa5" * 64, np.uint8)


def compiler() -> str | None:
    """A C++ compiler of this machine."""
    return shutil.which("g++") or shutil.which("clang++")


@cache
def signatures() -> dict[str, list[tuple[str, str]]]:
    """Kernel -> (type, name) of each parameter, as written in the .cu files."""
    found = re.findall(r'extern "C" __global__ void (\w+)\((.*?)\)', source(), re.S)
    split = r"(?:const )?([\w ]+?\*?) (\w+)$"
    return {
        name: [re.fullmatch(split, p.strip()).groups() for p in parameters.split(",")]  # type: ignore[union-attr,misc]
        for name, parameters in found
    }


def compile_cpp(folder: Path, *flags: str) -> Path:
    """Compile the kernels and a launcher for each into a shared library."""
    launchers = "".join(
        LAUNCHER.format(
            name=name,
            parameters=", ".join(f"{kind} {parameter}" for kind, parameter in parameters),
            arguments=", ".join(parameter for _, parameter in parameters),
        )
        for name, parameters in signatures().items()
    )
    (folder / "kernels.cpp").write_text(HEAD + source() + launchers)
    library = folder / "kernels.so"
    command = [compiler(), "-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Werror", "-shared"]
    command += ["-Wno-unknown-pragmas", "-fPIC", *flags, "-o", library, folder / "kernels.cpp"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


class CppDevice:
    """Arrays are NumPy arrays; each has a guard behind it that no kernel may write to."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._guards: list[NDArray[np.uint8]] = []
        self.launched: list[str] = []

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Not initialised: filled with a pattern that is no sensible number."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = np.full(size + len(CANARY), 0xA5, np.uint8)
        self._guards.append(memory[size:])
        return memory[:size].view(dtype).reshape(shape)

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        copy = self.empty(array.shape, array.dtype)
        copy[...] = array
        return copy

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        for guard in self._guards:
            np.testing.assert_array_equal(guard, CANARY)
        self._guards.clear()
        return array.copy()

    def adopt(self, array: Any) -> NDArray[Any]:
        return np.from_dlpack(array)

    def upload_box(self, host: NDArray[np.uint8], target: NDArray[np.uint8], box: Box) -> None:
        (x0, y0), (height, width) = box
        target[y0 : y0 + height, x0 : x0 + width] = host[y0 : y0 + height, x0 : x0 + width]

    def download_box(self, source: NDArray[np.uint8], host: NDArray[np.uint8], box: Box) -> None:
        self.upload_box(self.download(source), host, box)

    def launch(self, kernel: str, threads: tuple[int, ...], *arguments: Any) -> None:
        if min(threads) == 0:
            return
        self.launched.append(kernel)
        values = tuple(as_argument(argument) for argument in arguments)
        run_kernel(self._library, kernel, grid_of(threads), block_of(threads), values)


def run_kernel(
    library: ctypes.CDLL,
    kernel: str,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    arguments: tuple[Any, ...],
) -> None:
    """Every thread of every block, one after the other."""
    parameters = signatures()[kernel]
    assert len(arguments) == len(parameters), f"{kernel} takes {len(parameters)} arguments"
    values = [
        _pass(kernel, kind, name, argument)
        for (kind, name), argument in zip(parameters, arguments, strict=True)
    ]
    sizes = ((ctypes.c_uint * 2)(*s, *[1] * (2 - len(s))) for s in (grid, block))
    getattr(library, f"launch_{kernel}")(*sizes, *values)


def _pass(kernel: str, kind: str, name: str, value: Any) -> Any:
    """A C argument, after checking that the host gave what the kernel declares."""
    if kind.endswith("*"):
        assert value.dtype == DTYPES[kind[:-1]], f"{kernel}: {name} is {kind}, got {value.dtype}"
        return ctypes.c_void_p(value.ctypes.data)
    scalar = SCALARS[kind]
    assert value.dtype == np.dtype(scalar), f"{kernel}: {name} is {kind}, got {value.dtype}"
    return scalar(value)
