"""The student as a task of a run: it learns, at the atlas sizes planned, and comes back whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tryon.errors import ConfigError, WeightsError
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import load_model
from tryon.train import distill
from tryon.train.distill import StudentTask, StudentTraining
from tryon.train.pairs import PairSource
from tryon.train.replay import Replay, mirrored
from tryon.train.run import Run
from tryon.train.run_config import RunConfig

TINY = StudentConfig(size=48, widths=(8, 8, 8, 8), look_widths=(8, 8, 8, 8), position=4)


def student_run(
    out: Path, pairs: PairSource, shape: StudentConfig = TINY, size: str = "48:1", **changes: object
) -> Run:
    """A run of a tiny student, of four steps unless it is said otherwise."""
    plain = {"out": out, "warm_up": 0.0, "threads": 1, "steps": 4, "bf16": False, "average": 0.998}
    run = RunConfig(**{**plain, **changes})  # type: ignore[arg-type]
    torch.manual_seed(run.seed)
    config = StudentTraining(size=(size,), batch=4)
    return Run(run, StudentTask(config, run, TryOnModel(shape), pairs))


def test_training_lowers_the_loss(tmp_path: Path, pairs: PairSource) -> None:
    batch = pairs.batch(48, 4)
    pairs.batch = lambda size, count: batch  # type: ignore[method-assign]
    run = student_run(tmp_path, pairs)
    losses = [run.step(3e-3)["total"] for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.6 * losses[0]
    assert run.skipped == 0


def test_a_run_leaves_a_student_a_curve_and_samples(tmp_path: Path, pairs: PairSource) -> None:
    run = student_run(tmp_path, pairs)
    scores = run()
    assert scores["groups"][0]["group"] == "all"  # type: ignore[index]
    (line,) = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 4
    assert json.loads(line)["scores"]["side"] == 48
    assert json.loads(line)["samples"] == 16
    assert (tmp_path / "samples-0000004.png").is_file()
    loaded = dict(load_model(tmp_path / "student").named_parameters())
    for name, value in run.average.items():
        assert torch.equal(loaded[name], value.half().float()), name


def test_a_resumed_run_goes_on_with_weights_average_and_moments(
    tmp_path: Path, pairs: PairSource
) -> None:
    first = student_run(tmp_path, pairs)
    first()
    second = student_run(tmp_path, pairs, resume=True, steps=6)
    assert second.progress == first.progress
    batch = pairs.batch(48, 4)
    pairs.batch = lambda size, count: batch  # type: ignore[method-assign]
    for run in (first, second):
        run.step(1e-3)
    for name, value in first.task.model.named_parameters():
        twin = second.task.model.get_parameter(name)
        torch.testing.assert_close(twin, value, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(second.average[name], first.average[name])


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, pairs: PairSource) -> None:
    student_run(tmp_path, pairs).save()
    with pytest.raises(WeightsError, match="architecture"):
        student_run(tmp_path, pairs, replace(TINY, position=8), resume=True)


def test_a_stopped_run_is_ended_by_no_more_minutes(tmp_path: Path, pairs: PairSource) -> None:
    run = student_run(tmp_path, pairs)
    run.step(1e-3)
    run.save()
    assert not (tmp_path / "student").exists()
    student_run(tmp_path, pairs, resume=True, steps=0, minutes=0.0)()
    loaded = dict(load_model(tmp_path / "student").named_parameters())
    assert all(torch.equal(loaded[n], v.half().float()) for n, v in run.average.items())


def test_a_gradient_that_is_not_finite_changes_no_weight(tmp_path: Path, pairs: PairSource) -> None:
    run = student_run(tmp_path, pairs)
    before = {k: v.detach().clone() for k, v in run.task.model.named_parameters()}
    batch = pairs.batch(48, 4)
    batch.affine[0, 0, 0, 0] = float("nan")
    pairs.batch = lambda size, count: batch  # type: ignore[method-assign]
    run.step(1e-3)
    assert run.skipped == 1
    assert all(torch.equal(v, before[k]) for k, v in run.task.model.named_parameters())


def test_atlas_sizes_follow_the_budget_and_small_ones_take_more_pairs(
    tmp_path: Path, pairs: PairSource
) -> None:
    config = StudentTraining(size=("128:0.4", "256:0.6"), batch=8)
    assert [config.side_at(x) for x in (0.0, 0.39, 0.41, 1.0)] == [128, 128, 256, 256]
    task = StudentTask(config, RunConfig(out=tmp_path), TryOnModel(TINY), pairs)
    assert [task.batch_size(x) for x in (0.0, 1.0)] == [16, 8]
    asked = []
    pairs.batch = lambda size, count: asked.append((size, count))  # type: ignore
    for done in (0.0, 1.0):
        with pytest.raises(AttributeError):
            task.loss(task.model, 0, done)
    assert asked == [(128, 16), (256, 8)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"size": ("128",)}, "size"), ({"size": ("100:1",)}, "multiples"),
     ({"size": ("128:0.5",)}, "add up"), ({"batch": 0}, "batch"), ({"matched": 2}, "matched")],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StudentTraining(**wrong)  # type: ignore[arg-type]


def test_the_command_says_what_is_missing_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(tmp_path / "none"), "--out", str(tmp_path), "--workers", "0"]
    assert distill.main(flags) == 1
    assert capsys.readouterr().err.startswith("error: no face cache")


class Counting:
    def __init__(self, pairs: PairSource) -> None:
        self.pairs, self.painted = pairs, 0

    def batch(self, size: int, count: int):  # type: ignore[no-untyped-def]
        self.painted += 1
        return self.pairs.batch(size, count)

    def held_out(self, size: int):  # type: ignore[no-untyped-def]
        return self.pairs.held_out(size)


def test_replay_paints_its_share_and_forgets_other_sizes(pairs: PairSource) -> None:
    counting = Counting(pairs)
    replay = Replay(counting, fresh=0.25, pool=3)
    for _ in range(40):
        assert replay.batch(32, 2).source.shape == (2, 4, 32, 32)
    assert 10 <= counting.painted <= 11
    assert replay.batch(48, 2).source.shape == (2, 4, 48, 48)


def test_a_mirrored_pair_is_still_exact(pairs: PairSource) -> None:
    from tryon.train.losses import composite

    batch = mirrored(pairs.batch(32, 2))
    torch.testing.assert_close(composite(batch.source, batch.affine), batch.target)
