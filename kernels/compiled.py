"""How the CPU twin compiles and spreads its loops: typed Numba decorator and bands of rows.

It turns a Python loop into machine code kept on disk, and a range of rows into a few ranges run at
once; it never uses Numba's own parallel layer.

Why not `parallel=True`: its default layer on many machines (workqueue) aborts the process when two
Python threads enter it, OpenMP aborts a forked child, and both keep cores spinning between frames.
Plain threads on code that has let go of the GIL are safe everywhere, from any thread.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

MAX_THREADS = 4  # beyond that the bands of one face are too small to be worth waking a thread

# Inputs are declared read-only, which accepts writable arrays too: one machine code for both.
F32 = numba.float32
F64 = numba.float64
INT = numba.int64


def readonly(dtype: Any, dimensions: int, layout: str = "C") -> Any:
    """Numba type of an array that is only read; layout "C" is contiguous, "A" any strides."""
    return numba.types.Array(dtype, dimensions, layout, readonly=True)


def jit(*arguments: Any, inline: bool = False) -> Callable[[Function], Function]:
    """Compile for exactly these argument types, now, or load what an earlier run compiled.

    With `inline` the function is a helper of the compiled functions in the same file, typed by
    its callers.
    """

    def decorate(function: Function) -> Function:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
        signature = () if inline else (numba.void(*arguments),)
        if inline:
            return numba.njit(**options)(function)  # type: ignore[no-any-return]
        try:
            return numba.njit(*signature, cache=True, **options)(function)  # type: ignore
        except RuntimeError as error:
            # Numba found no folder it may write to.
            warnings.warn(f"Kernels are compiled anew in every process: {error}", stacklevel=2)
            return numba.njit(*signature, **options)(function)  # type: ignore

    return decorate
