from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tryon.errors import ConfigError, WeightsError
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import WEIGHTS, Manifest, save_weights, sha256, write_manifest
from tryon.train.distill import DistillConfig, Distiller
from tryon.train.pairs import PairSource
from tryon.train.replay import Replay, mirrored

TINY = StudentConfig(size=48, widths=(8, 8, 8, 8), look_widths=(8, 8, 8, 8), position=4)


@pytest.fixture
def config(tmp_path: Path) -> DistillConfig:
    return DistillConfig(
        out=tmp_path, minutes=60.0, size=("48:1",), batch=4, rate=3e-3, warm_up=0.0, threads=1,
        steps=4, bf16=False,
    )  # fmt: skip


def test_training_lowers_the_loss(config: DistillConfig, pairs: PairSource) -> None:
    run = Distiller(config, pairs, TINY)
    losses = [run.step(48, 3e-3) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])
    assert run.skipped == 0


def test_a_run_leaves_checkpoint_curve_and_samples(
    config: DistillConfig, pairs: PairSource
) -> None:
    scores = Distiller(config, pairs, TINY).run()
    assert scores[0].group == "all"
    (line,) = (config.out / "curve.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 4
    assert json.loads(line)["size"] == 48
    assert json.loads(line)["samples"] == 16
    assert sorted(p.suffix for p in config.out.iterdir()) == [".jsonl", ".png", ".safetensors"]


def test_resume_continues_counts_weights_average_and_moments(
    config: DistillConfig, pairs: PairSource
) -> None:
    first = Distiller(config, pairs, TINY)
    first.run()
    second = Distiller(replace(config, resume=True, steps=6), pairs, TINY)
    assert second.progress == first.progress
    for name, value in first.model.named_parameters():
        twin = second.model.get_parameter(name)
        assert torch.equal(twin, value)
        assert torch.equal(second.average[name], first.average[name])
        for key, moment in first.optimizer.state[value].items():
            assert torch.equal(second.optimizer.state[twin][key], moment), (name, key)
    second.run()
    assert second.progress.step == 6
    assert second.progress.seconds > first.progress.seconds


def test_the_same_batch_gives_the_same_next_step_after_a_resume(
    config: DistillConfig, pairs: PairSource
) -> None:
    first = Distiller(config, pairs, TINY)
    first.run()
    second = Distiller(replace(config, resume=True), pairs, TINY)
    batch = pairs.batch(48, 4)
    pairs.batch = lambda size, count: batch  # type: ignore[method-assign]
    for run in (first, second):
        run.source = Replay(pairs)
        run.step(48, 1e-3)
    for name, value in first.model.named_parameters():
        torch.testing.assert_close(second.model.get_parameter(name), value, atol=1e-6, rtol=1e-5)


def test_resume_without_a_checkpoint_or_with_another_network_is_refused(
    config: DistillConfig, pairs: PairSource
) -> None:
    with pytest.raises(WeightsError, match="checkpoint"):
        Distiller(replace(config, resume=True), pairs, TINY)
    Distiller(config, pairs, TINY).save()
    with pytest.raises(WeightsError, match="architecture"):
        Distiller(replace(config, resume=True), pairs, replace(TINY, position=8))
    file = config.out / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(WeightsError, match="checkpoint"):
        Distiller(replace(config, resume=True), pairs, TINY)


def test_a_new_run_may_start_from_a_model_folder(
    config: DistillConfig, pairs: PairSource, tmp_path: Path
) -> None:
    model = TryOnModel(TINY)
    save_weights(tmp_path, model)
    files = {WEIGHTS: sha256((tmp_path / WEIGHTS).read_bytes())}
    write_manifest(tmp_path, Manifest(TINY.to_json(), files))
    run = Distiller(replace(config, init=tmp_path, out=tmp_path / "run", steps=1), pairs)
    for name, value in model.named_parameters():
        start = value.detach().half().float()
        assert torch.equal(run.model.get_parameter(name), start)
        assert torch.equal(run.average[name], start)
    run.run()
    steps = [json.loads(line)["step"] for line in (tmp_path / "run/curve.jsonl").open()]
    assert steps == [0, 1]


def test_a_gradient_that_is_not_finite_changes_no_weight(
    config: DistillConfig, pairs: PairSource
) -> None:
    run = Distiller(config, pairs, TINY)
    before = {k: v.detach().clone() for k, v in run.model.named_parameters()}
    batch = pairs.batch(48, 4)
    batch.affine[0, 0, 0, 0] = float("nan")
    pairs.batch = lambda size, count: batch  # type: ignore[method-assign]
    run.step(48, 1e-3)
    assert run.skipped == 1
    assert all(torch.equal(v, before[k]) for k, v in run.model.named_parameters())


def test_evaluation_uses_the_average_and_gives_the_weights_back(
    config: DistillConfig, pairs: PairSource
) -> None:
    run = Distiller(config, pairs, TINY)
    run.step(48, 1e-2)
    run.step(48, 1e-2)
    name, value = next(iter(run.model.named_parameters()))
    before = value.detach().clone()
    assert not torch.equal(before, run.average[name])
    with run.averaged() as model:
        assert torch.equal(model.get_parameter(name), run.average[name])
    assert torch.equal(value, before)


def test_schedules_follow_the_budget() -> None:
    config = DistillConfig(size=("128:0.4", "256:0.6"), rate=1e-3, warm_up=0.1)
    assert [config.side_at(x) for x in (0.0, 0.39, 0.41, 1.0)] == [128, 128, 256, 256]
    rates = [config.rate_at(x) for x in (0.0, 0.1, 0.5, 1.0)]
    assert rates == [pytest.approx(x, rel=0.01) for x in (1e-5, 1e-3, 5.9e-4, 1e-5)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"size": ("128",)}, "size"), ({"size": ("100:1",)}, "multiples"),
     ({"size": ("128:0.5",)}, "add up"), ({"batch": 0}, "batch"), ({"rate": 2.0}, "rate")],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DistillConfig(**wrong)  # type: ignore[arg-type]


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
