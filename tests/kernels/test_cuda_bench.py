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

    rows = cuda_bench.measure(device, clock, clock, side=64, picture=(320, 240), box=(100, 120))
    names = [row.name for row in rows]
    assert names == [
        "upload", "unwrap", "follow", "set up + bin", "cross", "gate", "paint", "download"
    ]  # fmt: skip
    assert all(row.milliseconds > 0 and row.floor > 0 for row in rows)
    assert {row.name for row in rows if row.clock == "host"} == {"upload", "download"}
    numbers = {row.name: row.floor for row in rows}
    assert numbers["paint"] == 6 * 100 * 120 + 28 * 64 * 64


class Recorder:
    """A GPU that notes what it is asked for, and takes ten times as long while it is cold."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def empty(self, shape, dtype) -> str:
        return "block"

    def copy(self, source, target) -> None:
        self.asked.append("copy")

    def milliseconds(self, step) -> float:
        step()
        return 10.0 if self.asked.count("step") <= cuda_bench.WARM_UP else 1.0

    def wait(self) -> None:
        self.asked.append("wait")


def test_a_step_is_timed_behind_work_that_gives_the_host_time_and_warm_up_is_left_out() -> None:
    gpu = Recorder()
    assert cuda_bench.gpu_clock(gpu, 3)(lambda: gpu.asked.append("step")) == 1
    assert gpu.asked == (["copy"] * cuda_bench.AHEAD + ["step"]) * (cuda_bench.WARM_UP + 3)


def test_what_crosses_the_bus_is_waited_for() -> None:
    gpu = Recorder()
    assert cuda_bench.host_clock(gpu, 3)(lambda: gpu.asked.append("step")) >= 0
    assert gpu.asked == ["wait", "step", "wait"] * (cuda_bench.WARM_UP + 3)


def test_the_made_up_face_is_seen_whole() -> None:
    points, triangles, uv = cuda_bench.made_up_face(64, (60, 50))
    texels = reference.rasterise(points, triangles, uv, (40, 40), (50, 60))
    assert (texels >= 0).all()
    assert len(triangles) == 800


@pytest.mark.skipif(cuda.why_not() is None, reason="a GPU is at hand")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cuda_bench.main([]) == 1
    assert capsys.readouterr().err == f"error: {cuda.why_not()}\n"
