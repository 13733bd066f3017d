"""How the CPU twin compiles and spreads its loops: a Numba decorator and bands of rows.

It turns Python loops into machine code kept on disk, and a range of rows into a few ranges run at
once; it never uses Numba's own parallel layer.

Why not `parallel=True`: its layers differ by machine. Workqueue aborts the process when two Python
threads enter it, OpenMP aborts a forked child, and both spin between frames on cores that the
networks need. Plain threads on code that has let go of the GIL are safe from any thread.
"""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Scalar = TypeVar("Scalar", bound=np.generic)
Step = tuple[Any, ...]
"""A compiled kernel and its arguments but the last two, the rows where it starts and stops."""

# Pixels or texels of one band worth a thread of its own: costly ones, and copies.
PAINTED, COPIED = 10_000, 50_000

MAX_THREADS = 4  # beyond that the bands of one face are too small to be worth waking a thread

# In compiled code write np.float64(x) for a double: there float(x) of a float32 stays a float32.
F32, F64, I32, INT, U8 = numba.float32, numba.float64, numba.int32, numba.int64, numba.uint8


def readonly(dtype: Any, dimensions: int, layout: str = "C") -> Any:
    """Numba type of an array that is only read: "C" contiguous or "A" any strides.

    It accepts writable and read-only arrays alike, so neither compiles anything in mid-stream.
    """
    return numba.types.Array(dtype, dimensions, layout, readonly=True)


def jit(
    *arguments: Any, superwords: bool = False, fused: bool = False
) -> Callable[[Function], Function]:
    """Compile a function that returns nothing for exactly these types, or load it from disk.

    Args:
        arguments: Their Numba types.
        superwords: Let LLVM do equal sums side by side (SLP), which Numba has it leave alone; a
            gain only where a loop writes many of them out.
        fused: A product and a sum may round once: faster, last bits may differ.
    """

    def decorate(function: Function) -> Function:
        function.__qualname__ += f"-{_sources()}"
        signature = numba.void(*arguments)
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        if fused:
            options["fastmath"] = {"contract"}
        usual = numba.config.SLP_VECTORIZE
        numba.config.SLP_VECTORIZE = int(superwords or usual)
        try:
            compiled = numba.njit(signature, cache=True, **options)(function)
        except RuntimeError as error:  # Numba found no folder that it may write to
            warnings.warn(f"Kernels are compiled anew in every process: {error}", stacklevel=2)
            return cast(Function, numba.njit(signature, **options)(function))
        finally:
            numba.config.SLP_VECTORIZE = usual
        if compiled.stats.cache_misses:
            _tell_of_the_wait()
        return cast(Function, compiled)

    return decorate


@cache
def _sources() -> str:
    """What all kernels' sources hash to, as part of the names that Numba keeps machine code under.

    By itself Numba notices a change of a function's own file, not of a file it calls into.
    """
    folder = Path(__file__).parent
    text = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(text).hexdigest()[:8]


@cache
def _tell_of_the_wait() -> None:
    """Say once why this start is slow; told after the first kernel, the others follow."""
    logging.getLogger("tryon").warning(
        "compiling the kernels for this machine: about ten seconds, only this once"
    )


def helper(function: Function) -> Function:
    """Make a function callable from compiled functions, typed by its callers."""
    return cast(Function, numba.njit(error_model="numpy")(function))


def fused_helper(function: Function) -> Function:
    """Like `helper`, and a product and a sum may round once: faster, last bits may differ."""
    return cast(Function, numba.njit(error_model="numpy", fastmath={"contract"})(function))


def plain(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The array itself, or a copy when it is a view with gaps or not aligned in memory."""
    whole = array.flags.c_contiguous and array.flags.aligned
    return array if whole else np.array(array, order="C")


def cpu_features() -> frozenset[str]:
    """What this CPU can do, as LLVM names it; nothing where LLVM does not know the CPU."""
    try:
        known = import_module("llvmlite.binding").get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, there in known.items() if there)


def thread_count() -> int:
    """Threads one kernel uses; NUMBA_NUM_THREADS lowers it."""
    return min(MAX_THREADS, int(numba.config.NUMBA_NUM_THREADS))


def spread(rows: int, least: int, *steps: Step) -> None:
    """Run every step's `kernel(*arguments, start, stop)` over 0..rows in bands.

    Each band goes through all steps in order on one thread, this one or another, so a step may
    read only what earlier steps made of the same rows.

    Args:
        rows: How many rows there are.
        least: Rows a band must have to be worth waking a thread (about 0.1 ms).
        steps: Functions made by `jit`, each with what it takes before start and stop.
    """
    bands = max(1, min(thread_count(), rows // max(least, 1)))
    borders = [rows * k // bands for k in range(bands + 1)]
    pending = [_pool().submit(_run, steps, *band) for band in pairwise(borders[1:])]
    _run(steps, 0, borders[1])
    for future in pending:
        future.result()


def beside(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start work that lets go of the GIL on another thread, if kernels may use one.

    Returns:
        A function that waits until it is done, and raises what it raised.
    """
    if thread_count() > 1:
        return _pool().submit(work).result
    work()
    return lambda: None


def _run(steps: tuple[Step, ...], start: int, stop: int) -> None:
    for kernel, *arguments in steps:
        kernel(*arguments, start, stop)


def keep_memory() -> None:
    """Teach the C allocator of Linux to keep freed blocks instead of handing them back.

    It keeps blocks as large as the largest it has seen freed, up to 32 MiB. Until then every frame
    pays some 1,800 page faults (2 ms) for the arrays of its layer. The block is never touched, and
    elsewhere this does nothing.
    """
    np.empty(31 << 20, np.uint8)


@cache
def _pool() -> ThreadPoolExecutor:
    # With the thread that calls as many as there may be. One more, once it was made, is woken in
    # turn with the others for the rest of the process, on a core that is busy: 0.4 ms a frame.
    return ThreadPoolExecutor(max(1, thread_count() - 1), thread_name_prefix="tryon-kernels")


if hasattr(os, "register_at_fork"):
    # A forked child inherits the pool but none of its threads: it must make its own.
    os.register_at_fork(after_in_child=_pool.cache_clear)
