"""The bench runs to its end and says what it measured; how fast the machine is, is not tested."""

from __future__ import annotations

import json
import math
import time
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from tryon import bench
from tryon.bench import command
from tryon.bench.beside import from_a_camera
from tryon.bench.rows import FACES, SIZES, measure_memory, moving_faces
from tryon.errors import ConfigError
from tryon.streaming.stats import STAGES, Percentiles
from tryon.types import StageTimings, TryOnResult

PERCENTILES = {"p50", "p95", "p99"}


def times(value):
    assert set(value) == PERCENTILES
    assert 0 < value["p50"] <= value["p95"] <= value["p99"]
    return True


@pytest.mark.slow
def test_a_short_run_prints_every_figure_and_ends_in_json(look, tmp_path, capsys):
    look.save(tmp_path / "a.look")
    argv = "--frames 10 --soak 0 --size 480p 720p --faces 1 2 --compare --json --look".split()
    assert bench.main([*argv, str(tmp_path / "a.look")]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    figures = json.loads(lines[-1], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(figures) == {
        "rows", "file_source_fps", "camera_60_fps", "start_to_first_frame_s", "look_swap_ms",
        "memory_mb", "compare_ms",
    }  # fmt: skip
    rows = figures["rows"]
    assert [(row["size"], row["faces"]) for row in rows] == [
        ("480p", 1), ("720p", 1), ("480p", 2), ("720p", 2),
    ]  # fmt: skip
    for row in rows:
        assert {"cpu", "gpu", "cores", "system", "versions", "commit", "date"} < set(row)
        assert (row["frames"], row["drops"]) == (10, 0)
        assert row["faces_seen"] == row["faces"]
        assert row["face_px"] > 60
        assert "numpy" in row["versions"]
        assert list(row["stages_ms"]) == list(STAGES)
        assert all(times(value) for value in row["stages_ms"].values())  # the face was found
        assert times(row["frame_age_ms"])
    assert figures["file_source_fps"] > 0
    camera = figures["camera_60_fps"]
    assert camera["fps"] > 0
    assert 0 <= camera["drops"] < 10
    assert times(camera["frame_age_ms"])
    assert 0 < figures["start_to_first_frame_s"] < math.inf
    assert figures["memory_mb"] == []
    assert times(figures["look_swap_ms"])
    assert all(times(value) for value in figures["compare_ms"].values() if value)
    text = "\n".join(lines[:-1])
    row = rows[0]
    for words in (row["commit"], row["backend"], "first made-up frame", "parse only, mediapipe"):
        assert words in text


def test_a_camera_waits_for_nobody_and_its_frames_do_not_queue():
    def slow(frame):
        time.sleep(0.03)
        return TryOnResult(frame.image, (), StageTimings())

    pictures = [np.zeros((4, 4, 3), np.uint8)]
    session = SimpleNamespace(stages=[slow], reset=lambda: None)
    report = from_a_camera(session, pictures, 60, fps=100)
    assert report.frames + report.drops == 60
    assert report.drops > 20  # 0.6 s hold 20 steps of 0.03 s
    assert report.frame_age_ms.p50 < 150  # a queue would make it 0.6 s


def test_a_row_waits_for_the_engines_that_it_names(monkeypatch, capsys):
    """While TensorRT engines are built, PyTorch serves, and the build has the GPU."""
    done = []

    def measure_row(*arguments):
        done.append("row")
        raise ConfigError("enough")

    session = SimpleNamespace(wait_ready=lambda: done.append("ready"))
    monkeypatch.setattr(command.flags, "open_session", lambda *_: nullcontext(session))
    monkeypatch.setattr(command, "measure_row", measure_row)
    assert bench.main(["--frames", "10"]) == 1
    assert "enough" in capsys.readouterr().err
    assert done == ["ready", "row"]


def test_the_time_of_queueing_is_not_compared(monkeypatch, capsys):
    three = Percentiles(2.0, 3.0, 4.0)
    monkeypatch.setattr(command.beside, "parse_only", lambda *_: None)
    monkeypatch.setattr(command.beside, "torch_eager_student", lambda *_: three)
    monkeypatch.setattr(
        command,
        "figures",
        lambda *_: {"stages_ms": {s: {"p50": 1.0} for s in ("student", "total")}},
    )
    for kernels, told in (("cpu", "takes 0.50 times"), ("cuda", "waited for with all else")):
        row = SimpleNamespace(report=None, backend=f"engine + {kernels} kernels + fast")
        command._compare(SimpleNamespace(frames=10), None, [], row)
        assert told in capsys.readouterr().out


def test_memory_is_read_early_and_late():
    seen = []
    session = SimpleNamespace(process=seen.append)
    assert len(measure_memory(session, ["a", "b"], 20)) == 2
    assert seen == ["a", "b"] * 10
    assert measure_memory(session, ["a"], 0) == ()


@pytest.mark.parametrize(
    ("size", "faces"), [*((size, 1) for size in SIZES), *(("720p", faces) for faces in FACES)]
)
def test_pictures_have_the_size_and_move(size, faces):
    width, height = SIZES[size]
    pictures = moving_faces(size, faces)[:12]
    assert len(pictures) >= 10
    assert {picture.shape for picture in pictures} == {(height // 2 * 2, width // 2 * 2, 3)}
    assert (pictures[0] != pictures[9]).any()


def test_wrong_arguments_are_refused(tmp_path, capsys):
    assert bench.main(["--frames", "9"]) == 2
    assert bench.main(["--size", "9k"]) == 2
    capsys.readouterr()
    assert bench.main(["--look", str(tmp_path / "none.look")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "cannot read" in err
