"""Faces that come made up: the exact layer is right, doing nothing gains nothing."""

import pytest
import torch

from tests.train.evaluation.models import nothing
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import rewearing
from tryon.types import REMOVAL


def test_a_model_that_does_nothing_gains_nothing_and_keeps_bare_faces(cache):
    result = rewearing.measure(cache, nothing, "test", 4)
    assert result.psnr_other == pytest.approx(result.psnr_other_nothing, abs=0.01)
    assert result.psnr_removed == pytest.approx(result.psnr_removed_nothing, abs=0.01)
    assert result.psnr_removed_nothing < 30  # something is worn that should come off
    assert result.bare_change < 0.01


def test_the_exact_layers_score_high_and_a_tint_on_bare_faces_is_counted(cache, monkeypatch):
    asked = []
    make = PaintedPairs.held_out

    def watched(self, size, split="val"):
        for batch in make(self, size, split):
            asked.append(batch)
            yield batch

    monkeypatch.setattr(PaintedPairs, "held_out", watched)

    def exact(source, reference):
        return asked[-1].affine

    result = rewearing.measure(cache, exact, "test", 4)
    assert result.psnr_other > result.psnr_other_nothing + 20
    assert result.psnr_removed > result.psnr_removed_nothing + 20
    black = torch.tensor(REMOVAL)[:, None, None]
    assert all(torch.equal(one, black.expand_as(one)) for one in asked[-1].reference)

    def tint(source, reference):
        return nothing(source, reference) + torch.tensor([0, 0, 0, 0.02, 0, 0])[:, None, None]

    assert rewearing.measure(cache, tint, "test", 4).bare_change > 1
