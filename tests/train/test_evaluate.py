"""The command: measures what it is given, says what is missing, and ends in one JSON line."""

import json

import pytest

from tryon.train import evaluate


@pytest.fixture(scope="module")
def bare_run(tmp_path_factory):
    """One run with nothing but what ships, and its folder."""
    pytest.importorskip("matplotlib")
    out = tmp_path_factory.mktemp("report")
    sizes = evaluate.Sizes(frames=12, threads=1)
    return evaluate.run(evaluate.Inputs(), sizes, out, lambda text: None), out


def test_without_data_it_measures_films_and_occluders_and_says_what_is_missing(bare_run):
    evaluation, _ = bare_run
    assert evaluation.video.clips == 1
    assert evaluation.occlusion.occluders[0].pictures == 1
    assert evaluation.painted is evaluation.real is evaluation.fairness is None
    assert set(evaluation.left_out) == {
        "painted",
        "rewearing",
        "arrival",
        "light",
        "real",
        "fairness",
    }
    assert "openvino" in evaluation.about["run by"]


def test_a_report_folder_holds_the_report_and_its_pictures(bare_run):
    _, out = bare_run
    names = {path.name for path in out.iterdir()}
    assert names == {"report.md", "report.json", "flicker.png", "films.png", "occlusion.png"}
    assert json.loads((out / "report.json").read_text())["video"]["frames"] == 12
    assert "![flicker](flicker.png)" in (out / "report.md").read_text()


def test_json_is_the_last_line(bare_run, monkeypatch, capsys):
    evaluation, _ = bare_run
    asked = []

    def run(inputs, sizes, out, say):
        asked.append((inputs, sizes))
        return evaluation

    monkeypatch.setattr(evaluate, "run", run)
    assert evaluate.main(["--quick", "--json", "--frames", "40", "--split", "val"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["painted"] is None
    ((inputs, sizes),) = asked
    assert inputs.split == "val"
    assert sizes.frames == 40
    assert sizes.painted == evaluate.QUICK.painted < evaluate.Sizes().painted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere.safetensors"], "no face cache"),
        (["--photos", "nowhere"], "no folder"),
        (["--clips", "nowhere"], "no folder"),
        (["--pairs", "nowhere.tsv"], "cannot read"),
        (["--model", "nowhere"], "No usable model"),
        (["--frames", "0"], "frames = 0"),
    ],
)
def test_a_mistake_is_one_line(arguments, message, capsys):
    assert evaluate.main(arguments) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
