"""What is measured of a teacher: a perfect one scores perfectly, a blind one as doing nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.tiny_teacher import LAYERS, alive, layer_teacher
from tryon.models.tokens import TOKEN_REGIONS, group_masks
from tryon.train import teacher_ablation, teacher_eval
from tryon.train.run_config import RunConfig
from tryon.train.teacher import TeacherTraining
from tryon.train.teacher_attention import draw_attention, region_looks


def test_ssim_is_one_for_the_target_and_less_for_the_source(pairs):
    batch = pairs.batch(32, 3)
    right, nothing, texels = teacher_eval.ssim_sums(batch, batch.target).tolist()
    assert right == pytest.approx(texels, rel=1e-5)
    assert nothing < 0.95 * texels
    same, _, _ = teacher_eval.ssim_sums(batch, batch.source[:, :3]).tolist()
    assert same == pytest.approx(nothing)


def test_every_number_of_steps_has_a_row_with_all_figures(pairs):
    teacher = layer_teacher().eval()
    with torch.no_grad():
        scores = teacher_eval.judge(teacher, pairs.held_out(32), (1, 2), 3)
    lines = teacher_eval.table(scores, (1, 2)).splitlines()
    assert lines[0].startswith("| steps | PSNR dB | SSIM | leak skin %")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| nothing", "| 1", "| 2"]
    assert len({line.count("|") for line in lines}) == 1
    # A new teacher's first step paints nothing.
    assert scores["ssim_1"] == pytest.approx(scores["ssim_0"], abs=1e-3)
    assert {f"leak_{n} {name}" for n in (1, 2) for name in TOKEN_REGIONS} <= set(scores)


def test_leakage_counts_change_outside_the_region_asked_for(pairs, monkeypatch):
    batch = pairs.batch(32, 2)
    teacher = layer_teacher().eval()
    masks = group_masks(batch.regions)

    def worn(where):
        """Each call after the first changes one region, in order, and some of the rest."""
        calls = iter(range(-1, len(TOKEN_REGIONS)))

        def wear(*_):
            index = next(calls)
            change = torch.zeros(2, 3, 32, 32)
            if index >= 0:
                change += masks[index] + where * (masks.sum(0) - masks[index])
            return change

        return wear

    with torch.no_grad():
        makeup = teacher.look(batch.reference)
        for where in (0.0, 0.25):
            monkeypatch.setattr(teacher_eval, "wear", worn(where))
            inside, outside = teacher_eval.leakage(teacher, batch, makeup, 1)
            torch.testing.assert_close(outside / inside, torch.full((4,), where))


def test_without_features_tokens_tell_nothing_of_the_reference(pairs):
    batch = pairs.batch(32, 2)
    with torch.no_grad():
        for features, alike in ((True, False), (False, True)):
            teacher = alive(layer_teacher(replace(LAYERS, features=features)))
            one, two = (teacher.look(batch.reference[i : i + 1]).tokens for i in range(2))
            assert torch.allclose(one, two) == alike


def test_attention_is_drawn_where_the_logits_are(pairs, tmp_path, monkeypatch):
    teacher = alive(layer_teacher())
    batches = [pairs.batch(32, 4), pairs.batch(32, 4)]
    draw_attention(teacher, batches, tmp_path / "a.png")
    sheet = np.asarray(Image.open(tmp_path / "a.png"))
    assert sheet.shape == (6 * 32, 6 * 32, 3)
    with torch.no_grad():
        looks = region_looks(teacher, batches[0])
    assert looks.shape == (4, 4, 32, 32)
    assert looks.std() > 0
    assert 0 <= looks.min() < looks.max() <= 1
    from tryon.train import teacher_attention

    left = torch.zeros(4, 4, 32, 32)
    left[..., :16] = 1
    monkeypatch.setattr(teacher_attention, "region_looks", lambda *_: left)
    draw_attention(teacher, batches[:1], tmp_path / "b.png")
    cell = np.asarray(Image.open(tmp_path / "b.png"))[:32, 64:96]
    assert cell[:, :16].mean() > 2 * cell[:, 16:].mean()


def test_an_ablation_trains_each_variant_alike_and_prints_one_table(tmp_path, pairs, monkeypatch):
    monkeypatch.setitem(teacher_ablation.PRESETS, "compact-small", LAYERS)
    config = TeacherTraining(preset="compact-small", batch=2, eval_steps=(1, 2), eval_pairs=2)
    run = RunConfig(out=tmp_path, steps=2, bf16=False, threads=1)
    chosen = teacher_ablation.variants(config)
    assert list(chosen) == [
        "whole", "no attention loss", "no encoder features", "no mesh", "no reference picture"
    ]  # fmt: skip
    some = {name: chosen[name] for name in ("whole", "no mesh", "no attention loss")}
    scores = teacher_ablation.ablate(run, some, pairs)
    text = teacher_ablation.table(scores, config.eval_steps)
    head, rule, *rows = text.splitlines()
    assert head == "| teacher | PSNR 1 | PSNR 2 | SSIM 1 | SSIM 2 | worst leak 1 % |"
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in some]
    assert rule.count("|") == head.count("|")
    assert (tmp_path / "no-mesh" / "teacher" / "manifest.json").exists()


def test_an_ablation_knows_its_variants(tmp_path, capsys):
    argv = ["--data", str(tmp_path), "--out", str(tmp_path), "--only", "no lips"]
    assert teacher_ablation.main(argv) == 1
    assert "no attention loss" in capsys.readouterr().err
