"""What a session paints on: a copy, whoever makes it."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.kernels import compiled
from tryon.kernels.sets import CPU


@pytest.mark.parametrize("threads", [1, 2])
def test_a_canvas_is_a_copy_of_the_picture(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(compiled, "thread_count", lambda: threads)
    whole = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    for picture in (whole, whole[:, ::-1], whole[::2, 5:77]):
        before = picture.copy()
        canvas = CPU.canvas(CPU.picture(picture, []), [])
        assert canvas.shape == picture.shape
        stored = CPU.store(canvas)
        np.testing.assert_array_equal(stored, before)
        stored[:] = 0  # the picture is the caller's
        np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_work_beside_raises_comes_out(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(compiled, "thread_count", lambda: threads)
    with pytest.raises(ZeroDivisionError):
        compiled.beside(lambda: 1 // 0)()
