"""Compiled loops are kept on disk, and never outlive the sources they were made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tryon.kernels import compiled

INNER = """
from .compiled import helper

@helper
def value():
    return {value}
"""
OUTER = """
import numpy as np
from .compiled import F32, jit
from .inner import value

@jit(F32[::1])
def fill(numbers):
    numbers[:] = value()

numbers = np.zeros(3, np.float32)
fill(numbers)
print(int(numbers.sum()), sum(fill.stats.cache_hits.values()))
"""


def run(folder: Path) -> list[int]:
    command = [sys.executable, "-c", "import loops.outer"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_change_of_a_file_that_a_loop_calls_into_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "loops"
    folder.mkdir()
    (folder / "__init__.py").touch()
    shutil.copy(compiled.__file__, folder / "compiled.py")
    (folder / "outer.py").write_text(OUTER)
    (folder / "inner.py").write_text(INNER.format(value=1))
    assert run(tmp_path) == [3, 0]
    assert run(tmp_path) == [3, 1]  # from disk
    (folder / "inner.py").write_text(INNER.format(value=2))
    assert run(tmp_path) == [6, 0]


@pytest.mark.parametrize(("threads", "workers"), [(2, 1), (4, 3)])
def test_work_beside_other_work_wakes_no_thread_too_many(
    threads: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the one that calls, as many work as may: another would take its core from it."""
    monkeypatch.setattr(compiled, "thread_count", lambda: threads)
    used, free = set(), threading.Event()

    def work(*_: object) -> None:
        used.add(threading.get_ident())

    def long() -> None:
        work()
        assert free.wait(60)

    compiled._pool.cache_clear()
    try:
        waits = [compiled.beside(long) for _ in range(workers)]
        waits += [compiled.beside(work) for _ in range(5)]
        free.set()
        for wait in waits:
            wait()
        compiled.spread(100, 1, (work,))
        assert len(used - {threading.get_ident()}) == workers
    finally:
        compiled._pool().shutdown()
        compiled._pool.cache_clear()
