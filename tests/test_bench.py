"""The bench runs to its end and says what it measured; how fast the machine is, is not tested."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest

from tryon import bench
from tryon.bench.rows import FACES, SIZES, measure_memory, moving_faces
from tryon.streaming.stats import STAGES

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
        "rows", "file_source_fps", "start_to_first_frame_s", "look_swap_ms", "memory_mb",
        "compare_ms",
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
    assert 0 < figures["start_to_first_frame_s"] < math.inf
    assert figures["memory_mb"] == []
    assert times(figures["look_swap_ms"])
    assert all(times(value) for value in figures["compare_ms"].values() if value)
    text = "\n".join(lines[:-1])
    row = rows[0]
    for words in (row["commit"], row["backend"], "first made-up frame", "parse only, mediapipe"):
        assert words in text


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
