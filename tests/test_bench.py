"""The bench runs to its end and says what it measured; how fast the machine is, is not tested."""

from __future__ import annotations

import json
import math

import pytest

from tryon import bench
from tryon.streaming.stats import STAGES

PERCENTILES = {"p50", "p95", "p99"}


def times(value):
    assert set(value) == PERCENTILES
    assert 0 < value["p50"] <= value["p95"] <= value["p99"]
    return True


@pytest.mark.slow
def test_a_short_run_prints_every_figure_and_ends_in_json(look, tmp_path, capsys):
    look.save(tmp_path / "a.look")
    argv = ["--frames", "10", "--soak", "0", "--size", "480p", "--json"]
    assert bench.main([*argv, "--look", str(tmp_path / "a.look")]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    figures = json.loads(lines[-1], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(figures) == {
        "rows", "file_source_fps", "start_to_first_frame_s", "memory_mb", "parse_only_ms",
    }  # fmt: skip
    (row,) = figures["rows"]
    assert {"cpu", "cores", "system", "versions", "commit", "date"} < set(row)
    assert (row["size"], row["faces"], row["frames"], row["drops"]) == ("480p", 1, 10, 0)
    assert row["cores"] >= 1
    assert "numpy" in row["versions"]
    assert list(row["stages_ms"]) == list(STAGES)
    assert all(times(value) for value in row["stages_ms"].values())  # the face was found
    assert times(row["frame_age_ms"])
    assert figures["file_source_fps"] > 0
    assert 0 < figures["start_to_first_frame_s"] < math.inf
    assert figures["memory_mb"] == []
    assert times(figures["parse_only_ms"]["fast"])
    text = "\n".join(lines[:-1])
    for words in (row["commit"], row["backend"], "first made-up frame", "parse only, mediapipe"):
        assert words in text


def test_memory_is_read_early_and_late():
    seen = []
    sizes = bench._memory(seen.append, ["a", "b"], 20)
    assert seen == ["a", "b"] * 10
    assert len(sizes) == 2
    assert bench._memory(seen.append, ["a"], 0) == []


def test_wrong_arguments_are_refused(tmp_path, capsys):
    assert bench.main(["--frames", "9"]) == 2
    assert bench.main(["--size", "9k"]) == 2
    capsys.readouterr()
    assert bench.main(["--look", str(tmp_path / "none.look")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "cannot read" in err
