"""The report: goals of the table, JSON without holes, and reasons for what is missing."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from tryon.train.evaluation import plots, report
from tryon.train.evaluation.arrival import ArrivalResult
from tryon.train.evaluation.controls import Step
from tryon.train.evaluation.fairness import Bin, FairnessResult, Row
from tryon.train.evaluation.flicker import Change
from tryon.train.evaluation.light import LightResult
from tryon.train.evaluation.occlusion import Leak, OcclusionResult
from tryon.train.evaluation.painted import PaintedResult
from tryon.train.evaluation.real import RealResult
from tryon.train.evaluation.rewearing import RewearResult
from tryon.train.evaluation.video import Clip, VideoResult

NAN = float("nan")
SERIES = (Change(1.0, 1.1, 0.2), Change(1.2, 1.3, 0.1))
FILM = Clip("a.mp4", 3, 3, 1.1, 0.2, 0.0, SERIES, (np.zeros((4, 8, 3), np.uint8),))
STEPS = tuple(Step(x, 2 * x, 9 - x, 8 - x, x, 1.0) for x in (0.0, 0.5, 1.0))
TONES = FairnessResult(
    1.2, 1.1, 1.2, (Row("real.lip_de", (Bin("light", 2.0, 9), Bin("dark", 2.4, 8)), 1.2, 1.1),
                    Row("real.drift", (Bin("dark", 1.0, 3),), NAN, NAN)),
)  # fmt: skip


def filled(kind, **values):
    plain = {f.name: 0.5 for f in fields(kind)}
    return kind(**{**plain, **values})


@pytest.fixture
def whole():
    return report.Evaluation(
        painted=filled(PaintedResult, psnr_face=34.5, psnr_lips=29.0, lip_de=NAN, items=()),
        real=filled(RealResult, pairs=7, background=0.0, items=(), steps=STEPS),
        video=filled(VideoResult, flicker=1.04, films=(FILM,)),
        fairness=TONES,
        occlusion=filled(OcclusionResult, occluders=(Leak("cup", 0.01, NAN, 2),)),
        about={"model": "abc"},
    )


def test_json_has_every_group_and_figure_and_no_nan(whole):
    values = json.loads(json.dumps(report.to_json(whole), allow_nan=False))
    assert set(report.GROUPS) < set(values)
    wanted = {"psnr_face", "psnr_lips", "psnr_lids", "lpips", "lip_de", "lid_de"}
    assert wanted < set(values["painted"])
    assert values["painted"]["psnr_face"] == 34.5
    assert values["real"]["pairs"] == 7
    assert isinstance(values["real"]["pairs"], int)
    assert values["fairness"]["real.lip_de"]["dark"] == 2.4
    assert values["video"]["films"]["a.mp4"]["flicker"] == 1.1
    assert values["occlusion"]["occluders"]["cup"]["leak"] == 0.01
    assert [step["intensity"] for step in values["real"]["intensity"]] == [0, 0.5, 1]


def test_lpips_without_its_network_says_how_to_get_it(whole):
    without = replace(whole, painted=replace(whole.painted, lpips=NAN))
    values = report.to_json(without)
    assert values["painted"]["lpips"] is None
    assert "--lpips" in values["not_measured"]["painted.lpips"]
    assert "--lpips" in report.text(without)
    assert values["painted"]["ms_ssim"] == 0.5
    (line,) = [line for line in report.rows(without) if line[1] == "lpips"]
    assert line[3] == "not measured"
    assert "painted.lpips" not in report.to_json(whole)["not_measured"]
    assert "--lpips" not in report.text(whole)


def test_every_missing_number_has_a_reason(whole):
    values = report.to_json(whole)
    assert values["painted"]["lip_de"] is None
    assert values["not_measured"]["painted.lip_de"]
    empty = report.to_json(report.Evaluation(left_out={"painted": "no face cache"}))
    assert empty["painted"] is empty["real"] is None
    assert empty["not_measured"]["painted"] == "no face cache"


def test_goals_are_judged_the_right_way_round(whole):
    verdicts = {f"{line[0]}.{line[1]}": line[5] for line in report.rows(whole)}
    assert verdicts["painted.psnr_face"] == "yes"
    assert verdicts["painted.psnr_lips"] == "no"
    assert verdicts["painted.lip_de"] == ""
    assert verdicts["real.background"] == "yes"
    assert verdicts["real.zero_change"] == "no"
    assert verdicts["video.flicker"] == "yes"
    assert verdicts["fairness.worst_to_best"] == "no"


def test_every_line_names_a_figure_that_exists():
    kinds = {"painted": PaintedResult, "rewearing": RewearResult, "arrival": ArrivalResult,
             "light": LightResult, "real": RealResult, "video": VideoResult,
             "fairness": FairnessResult, "occlusion": OcclusionResult}  # fmt: skip
    for line in report.LINES:
        names = {f.name for f in fields(kinds[line.group])}
        assert line.figure in names


def test_text_and_markdown_carry_the_table_and_the_reasons(whole):
    whole = replace(whole, left_out={"real.oddity": "nobody looked"})
    text, page = report.text(whole), report.markdown(whole, ["flicker.png"])
    assert text.splitlines()[0].split() == list(report.HEAD)
    for page_or_text in (text, page):
        assert "34.5" in page_or_text
        assert "≥ 34" in page_or_text
        assert "nobody looked" in page_or_text
        assert "nan" not in page_or_text
    assert "| real.lip_de | 2 (9) | 2.4 (8) | 1.2 |" in page
    assert "![flicker](flicker.png)" in page
    assert "cup" in page


def test_an_empty_report_is_still_a_report():
    empty = report.Evaluation(left_out={"real": "no photographs"})
    assert "no photographs" in report.text(empty)
    assert "no photographs" in report.markdown(empty)


def test_plots_are_drawn(tmp_path, whole):
    pytest.importorskip("matplotlib")
    from PIL import Image

    plots.plot_intensity(whole.real.steps, tmp_path / "a.png")
    plots.plot_fairness(whole.fairness, tmp_path / "b.png")
    plots.plot_flicker(whole.video.films, tmp_path / "c.png")
    for name in "abc":
        with Image.open(tmp_path / f"{name}.png") as picture:
            shades = np.asarray(picture.convert("L"))
        assert (shades < 200).mean() > 0.002  # not an empty page
