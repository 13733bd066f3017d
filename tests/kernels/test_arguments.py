"""Arguments: any memory layout is read, wrong ones are refused before compiled code runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tryon.kernels import compiled, cpu, reference, shapes

TRIANGLE = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0]], np.float32)
ONE = np.array([[0, 1, 2]], np.int32)
BOX = (200, 200)


def scene() -> tuple[
    NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]
]:
    rng = np.random.default_rng(9)
    image = rng.integers(0, 256, (*BOX, 3), dtype=np.uint8)
    texels = rng.uniform(0, 16, (*BOX, 2)).astype(np.float32)
    sources = rng.integers(0, 256, (2, 16, 16), dtype=np.int32)
    return image, texels, rng.random((16, 16, 6), np.float32), sources


def test_views_and_read_only_arrays_are_accepted(kernels: ModuleType) -> None:
    image, texels, affine, sources = scene()
    half = np.full(BOX, 0.5, np.float32)
    wanted = image.copy()
    kernels.composite(wanted, texels, (0, 0), affine, sources, half, half)

    swapped = np.ascontiguousarray(image[..., ::-1])  # BGR memory seen as RGB
    frozen = texels.copy()
    frozen.setflags(write=False)
    raw = bytearray(affine.nbytes + 1)  # one byte off: not aligned
    unaligned = np.frombuffer(raw, np.float32, affine.size, offset=1).reshape(affine.shape)
    unaligned[:] = affine
    mask = np.full((BOX[0], BOX[1] * 2), 0.5, np.float32)[:, ::2]
    every_other = sources.repeat(2, axis=2)[..., ::2]
    kernels.composite(swapped[..., ::-1], frozen, (0, 0), unaligned, every_other, mask, mask)
    np.testing.assert_array_equal(swapped[..., ::-1], wanted)

    owner, weights = np.zeros((4, 4), np.int32), np.full((4, 4, 3), 1 / 3, np.float32)
    seen = np.ones(3, np.float32)
    straight = kernels.unwrap(wanted, TRIANGLE, seen, ONE, owner, weights)
    view = kernels.unwrap(swapped[..., ::-1], TRIANGLE[:, :2], seen, ONE, owner, weights)
    np.testing.assert_array_equal(straight[0], view[0])


def test_wrong_arrays_are_refused(kernels: ModuleType) -> None:
    image, texels, affine, sources = scene()
    half = np.full(BOX, 0.5, np.float32)
    frozen = image.copy()
    frozen.setflags(write=False)
    bad = [
        (image.astype(np.float32), texels, (0, 0), affine, sources, half, half),
        (image[..., :2], texels, (0, 0), affine, sources, half, half),
        (frozen, texels, (0, 0), affine, sources, half, half),
        (image, texels.astype(np.float64), (0, 0), affine, sources, half, half),
        (image, texels.astype(">f4"), (0, 0), affine, sources, half, half),
        (image, texels, (0, 0), affine[:, :8], sources, half, half),
        (image, texels, (0, 0), affine[:0, :0], sources[:, :0, :0], half, half),
        (image, texels, (0, 0), affine, sources[:1], half, half),
        (image, texels, (0, 0), affine, sources[:, :, :8], half, half),
        (image, texels, (0, 0), affine, sources.astype(np.int64), half, half),
        (image, texels, (0, 0), affine, sources - 256, half, half),
        (image, texels, (0, 0), affine, sources + 256, half, half),
        (image, texels, (0, 0), affine, sources, half[1:], half),
        (image, texels, (0, 0), affine, sources, half, half[:, 1:]),
        (image, texels, (0.5, 0), affine, sources, half, half),
    ]
    for arguments in bad:
        with pytest.raises(ValueError, match="composite: "):
            kernels.composite(*arguments)


@pytest.mark.parametrize("index", [-1, 3])
def test_indices_outside_are_refused(kernels: ModuleType, index: int) -> None:
    triangles = np.array([[0, 1, index]], np.int32)
    with pytest.raises(ValueError, match="triangles"):
        kernels.rasterise(TRIANGLE, triangles, TRIANGLE[:, :2], (0, 0), (4, 4))
    owner, weights = np.full((2, 2), index - 1, np.int32), np.zeros((2, 2, 3), np.float32)
    image, seen = np.zeros((4, 4, 3), np.uint8), np.ones(3, np.float32)
    with pytest.raises(ValueError, match="texel_triangle"):
        kernels.unwrap(image, TRIANGLE, seen, ONE, owner, weights)
    with pytest.raises(ValueError, match="triangles"):
        kernels.facing(TRIANGLE, triangles, 0.0, 1.0)
    spots, mask = np.zeros((4, 4, 2), np.float32), np.ones((4, 4), np.float32)
    sources = np.full((2, 1, 1), index, np.int32)
    with pytest.raises(ValueError, match="sources"):
        kernels.composite(
            image, spots, (0, 0), np.zeros((1, 1, 6), np.float32), sources, mask, mask
        )


def test_a_read_only_table_is_looked_at_once_and_another_again() -> None:
    looks = 0

    class Table(np.ndarray):
        def min(self, *args: Any, **kwargs: Any) -> Any:
            nonlocal looks
            looks += 1
            return super().min(*args, **kwargs)

    table = ONE.copy().view(Table)
    for _ in range(2):
        shapes.check_indices("facing", "triangles", table, 0, 3)
    assert looks == 2  # anybody may have changed it meanwhile
    table.setflags(write=False)
    for _ in range(3):
        shapes.check_indices("facing", "triangles", table, 0, 3)
    assert looks == 3
    with pytest.raises(ValueError, match="triangles"):
        shapes.check_indices("facing", "triangles", table, 0, 2)  # fewer points than before
    table.setflags(write=True)
    table[0, 2] = 7
    with pytest.raises(ValueError, match="triangles"):
        shapes.check_indices("facing", "triangles", table, 0, 3)


def test_a_stride_below_one_is_refused(kernels: ModuleType) -> None:
    owner, weights = np.zeros((2, 2), np.int32), np.zeros((2, 2, 3), np.float32)
    image, seen = np.zeros((4, 4, 3), np.uint8), np.ones(3, np.float32)
    with pytest.raises(ValueError, match="stride"):
        kernels.unwrap(image, TRIANGLE, seen, ONE, owner, weights, 0)


def test_many_threads_may_paint_at_once() -> None:
    image, texels, affine, sources = scene()
    half = np.full(BOX, 0.5, np.float32)
    wanted = image.copy()
    reference.composite(wanted, texels, (0, 0), affine, sources, half, half)
    found = [image.copy() for _ in range(8)]

    def paint(target: NDArray[np.uint8]) -> None:
        for _ in range(5):
            target[:] = image
            cpu.composite(target, texels, (0, 0), affine, sources, half, half)

    threads = [threading.Thread(target=paint, args=(target,)) for target in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for target in found:
        assert np.abs(target.astype(int) - wanted).max() <= 1
        np.testing.assert_array_equal(target, found[0])


def test_bands_cover_every_row_once() -> None:
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()

    def kernel(start: int, stop: int) -> None:
        with lock:
            seen.append((start, stop))

    for rows, least in ((0, 5), (1, 5), (9, 5), (10, 5), (1000, 0), (1000, 1), (7, 3)):
        seen.clear()
        compiled.spread(rows, least, (kernel,))
        covered = sorted(row for start, stop in seen for row in range(start, stop))
        assert covered == list(range(rows))
        assert len(seen) <= compiled.thread_count()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_paint() -> None:
    cpu.warm_up()  # the threads of this process do not live in the child
    child = os.fork()
    if child == 0:
        status = 1
        try:
            cpu.warm_up()
            status = 0
        finally:
            os._exit(status)
    for _ in range(300):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        threading.Event().wait(0.1)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0
    assert "numba.np.ufunc.workqueue" not in sys.modules  # Numba's own layer was never started


def test_a_first_start_says_that_it_compiles_and_a_second_does_not(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(
        "from tryon.kernels.compiled import INT, jit\n"
        "@jit(INT, INT)\n"
        "def first(start, stop):\n    pass\n"
        "@jit(INT, INT)\n"
        "def second(start, stop):\n    pass\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    said = [
        subprocess.run(
            [sys.executable, "-c", "import loops"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        ).stderr
        for _ in range(2)
    ]  # fmt: skip
    assert said[0].count("compiling the kernels") == 1
    assert said[1] == ""
