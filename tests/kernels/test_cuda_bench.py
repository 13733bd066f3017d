"""The program that measures the kernels runs every step; its figures are for a GPU."""

from __future__ import annotations

import time

import pytest

from tryon.kernels import cuda, cuda_bench, reference
from tryon.kernels.cuda_device import Device


def test_every_step_of_a_frame_is_measured(device: Device) -> None:
    def clock(step) -> float:
        began = time.perf_counter()
        step()
        return (time.perf_counter() - began) * 1e3

    rows = cuda_bench.measure(device, clock, side=64, picture=(320, 240), box=(100, 120))
    names = [row.name for row in rows]
    assert names == [
        "upload", "unwrap", "follow", "set up + bin", "cross", "gate", "paint", "download"
    ]  # fmt: skip
    assert all(row.milliseconds > 0 and row.floor > 0 for row in rows)
    numbers = {row.name: row.floor for row in rows}
    assert numbers["paint"] == 6 * 100 * 120 + 28 * 64 * 64


def test_the_made_up_face_is_seen_whole() -> None:
    points, triangles, uv = cuda_bench.made_up_face(64, (60, 50))
    texels = reference.rasterise(points, triangles, uv, (40, 40), (50, 60))
    assert (texels >= 0).all()
    assert len(triangles) == 800


@pytest.mark.skipif(cuda.why_not() is None, reason="a GPU is at hand")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cuda_bench.main([]) == 1
    assert capsys.readouterr().err == f"error: {cuda.why_not()}\n"
