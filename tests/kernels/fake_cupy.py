"""CuPy without a GPU: what kernels/cuda.py uses of it, over host memory and the .cu files as C++.

Nothing that is queued happens before somebody waits, freed pinned memory is overwritten at once,
and all copies and waits are counted: a result that needs a copy or a wait that is not there is
wrong here, too.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tests.kernels.cpp_device import run_kernel

POISON = 0xEE


class DeviceArray(np.ndarray):
    """A `cupy.ndarray`; only its memory's address is of use to the host."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        """The memory, `data.ptr` its address."""
        return type("Memory", (), {"ptr": self.ctypes.data})


def pinned(storage: bytearray) -> Any:
    """Pinned memory over storage: whoever is next may write to it as soon as it is let go."""

    def let_go(self: Any) -> None:
        storage[:] = bytes([POISON]) * len(storage)

    kind = type("Pinned", (ctypes.c_ubyte * len(storage),), {"__del__": let_go})
    return kind.from_buffer(storage)


class FakeCupy(ModuleType):
    """The module `cupy`, for `sys.modules`."""

    def __init__(self, library: Path) -> None:
        super().__init__("cupy")
        self._library = ctypes.CDLL(str(library))
        self.counts: Counter[str] = Counter()  # of copies, launches and waits
        self.broken = ""  # kernel that does nothing
        self._queue: list[Callable[[], object]] = []
        self._memory: list[Any] = []  # all that queued work may touch
        self.cuda = ModuleType("cupy.cuda")
        self.cuda.runtime = self._runtime()
        self.cuda.Stream, self.cuda.Event = self._streams(), self._events()
        self.cuda.alloc_pinned_memory = self._pinned

    def run(self) -> None:
        """Do what is queued, as the GPU does in its own time."""
        queue, self._queue = self._queue, []
        for work in queue:
            work()
        if not self._queue:
            self._memory.clear()

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Not initialised: filled with a pattern that is no sensible number."""
        array = np.empty(shape, dtype).view(DeviceArray)
        array.view(np.ndarray).reshape(-1).view(np.uint8)[:] = 0xA5
        self._memory.append(array)
        return array

    def asnumpy(self, array: DeviceArray, stream: Any) -> np.ndarray:
        """A copy for the host, waited for."""
        self.counts["download"] += 1
        self.run()
        return np.array(array)

    def from_dlpack(self, array: Any) -> DeviceArray:
        """Without a copy."""
        return np.from_dlpack(array).view(DeviceArray)

    def RawModule(self, code: str, options: tuple[str, ...]) -> Any:  # noqa: N802
        """The kernels, already compiled."""
        module = ModuleType("kernels")
        module.get_function = lambda name: lambda *launch: self._launch(name, *launch)
        return module

    def _launch(self, name: str, grid: Any, block: Any, arguments: tuple[Any, ...]) -> None:
        self.counts[name] += 1
        if name != self.broken:
            self._queue.append(lambda: run_kernel(self._library, name, grid, block, arguments))

    def _pinned(self, size: int) -> Any:
        self.counts["pinned"] += 1
        storage = bytearray(size)
        self._memory.append(storage)
        return pinned(storage)

    def _copy(self, what: str, lines: list[tuple[int, int, int]]) -> None:
        self.counts[what] += 1
        self._queue.append(lambda: [ctypes.memmove(*line) for line in lines])

    def _runtime(self) -> Any:
        runtime = ModuleType("cupy.cuda.runtime")
        runtime.memcpyHostToDevice, runtime.memcpyDeviceToHost = "up", "down"
        runtime.CUDARuntimeError = RuntimeError
        runtime.getDeviceCount = lambda: 1

        def copy(target: int, source: int, size: int, kind: str, stream: int) -> None:
            self._copy(kind, [(target, source, size)])

        def copy_box(
            target: int, to: int, source: int, of: int, width: int, height: int, kind: str,
            stream: int,
        ) -> None:  # fmt: skip
            assert 0 < width <= min(to, of)
            lines = [(target + to * row, source + of * row, width) for row in range(height)]
            self._copy(f"{kind} box", lines)

        runtime.memcpyAsync, runtime.memcpy2DAsync = copy, copy_box
        return runtime

    def _streams(self) -> type:
        class Stream:
            ptr = 7

            def __init__(self, non_blocking: bool = False) -> None:
                assert non_blocking  # else it would wait for every other stream

            @classmethod
            def from_external(cls, stream: Any) -> Any:
                lent = cls(non_blocking=True)
                _, lent.ptr = stream.__cuda_stream__()
                return lent

            def __enter__(self) -> None:
                pass

            def __exit__(self, *error: object) -> None:
                pass

        return Stream

    def _events(self) -> type:
        fake = self

        class Event:
            def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
                assert block  # asleep, not spinning

            def record(self, stream: Any) -> None:
                pass

            def synchronize(self) -> None:
                fake.counts["wait"] += 1
                fake.run()

        return Event


def installed(library: Path, patch: Any) -> FakeCupy:
    """A fake in the place of CuPy, for as long as a pytest MonkeyPatch lasts."""
    fake = FakeCupy(library)
    patch.setitem(sys.modules, "cupy", fake)
    return fake
