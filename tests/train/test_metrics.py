from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tryon.train.metrics import PsnrMeter, ita_bin
from tryon.train.pairs import PairSource
from tryon.train.validation import evaluate, sample_sheet, table
from tryon.types import REGIONS


@pytest.mark.parametrize(
    ("ita", "name"),
    [(60, "very light"), (50, "light"), (30, "intermediate"), (20, "tan"), (0, "brown"),
     (-30, "dark"), (-80, "dark")],
)  # fmt: skip
def test_skin_tone_bins(ita: float, name: str) -> None:
    assert ita_bin(ita) == name


def test_psnr_is_that_of_the_known_error_and_only_inside_the_makeup(pairs: PairSource) -> None:
    batch = pairs.batch(48, 2)
    target = batch.source[:, :3].clone()
    target[..., :24] = (target[..., :24] + 0.1).clamp(max=1.0)
    batch = replace(batch, target=target)
    worn = target - 0.01
    worn[..., 24:] = 0.0  # outside: must not count
    meter = PsnrMeter()
    meter.add(batch, worn)
    overall = meter.scores()[0]
    assert overall.group == "all"
    assert overall.faces == 2
    assert overall.psnr == pytest.approx(40.0, abs=0.01)
    assert overall.psnr_nothing == pytest.approx(20.0, abs=0.01)
    assert overall.gain == pytest.approx(20.0, abs=0.02)


def test_batches_add_up(pairs: PairSource) -> None:
    batch = pairs.batch(48, 4)
    worn = (batch.target + 0.05 * torch.rand_like(batch.target)).clamp(0, 1)
    whole, parts = PsnrMeter(), PsnrMeter()
    whole.add(batch, worn)
    for index in range(4):
        one = slice(index, index + 1)
        parts.add(
            replace(
                batch,
                source=batch.source[one],
                target=batch.target[one],
                ita=batch.ita[one],
            ),
            worn[one],
        )
    for a, b in zip(whole.scores(), parts.scores(), strict=True):
        assert (a.group, a.faces) == (b.group, b.faces)
        assert a.psnr == pytest.approx(b.psnr, abs=1e-6)


def test_evaluation_covers_regions_and_tones_and_prints(pairs: PairSource) -> None:
    def nothing(source: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        identity = torch.tensor([1.0, 1, 1, 0, 0, 0]).view(1, 6, 1, 1)
        return identity.expand(len(source), 6, *source.shape[2:])

    scores = evaluate(nothing, pairs.held_out(48))
    groups = {score.group for score in scores}
    assert {f"region:{name}" for name in REGIONS} < groups
    assert sum(score.faces for score in scores if score.group.startswith("tone:")) == 4
    assert all(abs(score.gain) < 0.01 for score in scores)
    assert table(scores).count("\n") == len(scores) + 1


def test_a_sheet_shows_source_reference_target_output(pairs: PairSource) -> None:
    batch = pairs.batch(32, 3)
    sheet = sample_sheet(lambda source, _: batch.affine[:2], batch, rows=2)
    assert sheet.shape == (64, 128, 3)
    assert abs(sheet[:, 64:96].astype(int) - sheet[:, 96:]).max() <= 1
    assert abs(sheet[:32, :32] / 255.0 - batch.source[0, :3].permute(1, 2, 0).numpy()).max() < 0.003
