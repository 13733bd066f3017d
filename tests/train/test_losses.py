from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tryon.errors import ConfigError
from tryon.train.losses import LossConfig, composite, student_loss, wear
from tryon.train.pairs import PairBatch, PairSource
from tryon.types import REGIONS

IDENTITY = torch.tensor([1.0, 1, 1, 0, 0, 0]).view(1, 6, 1, 1)


def test_the_identity_layer_changes_nothing() -> None:
    image = torch.linspace(0, 1, 3 * 64).view(1, 3, 8, 8)
    worn = composite(image, IDENTITY.expand(1, 6, 8, 8))
    torch.testing.assert_close(worn, image, atol=1e-5, rtol=0)


def test_wearing_is_differentiable_and_its_gradient_is_right() -> None:
    torch.manual_seed(0)
    light = 0.05 + 0.8 * torch.rand(1, 3, 3, 3, dtype=torch.float64)
    affine = (0.05 + 0.2 * torch.rand(1, 6, 3, 3, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda layer: wear(light, layer), affine)


def test_the_gradient_is_finite_and_points_inward_at_black_and_beyond_white() -> None:
    for offset in (0.0, -0.5, 1.5):
        affine = torch.zeros(1, 6, 1, 1)
        affine[:, 3:] = offset
        affine.requires_grad_()
        (wear(torch.zeros(1, 3, 1, 1), affine) - 0.5).square().sum().backward()
        slope = affine.grad[:, 3:]
        assert torch.isfinite(slope).all()
        assert (slope.sign() == (1 if offset > 0 else -1)).all()


def test_the_exact_layer_has_no_loss_and_any_other_has(pairs: PairSource) -> None:
    batch = pairs.batch(32, 3)
    exact = student_loss(batch.affine, batch, LossConfig())
    other = student_loss(IDENTITY.expand_as(batch.affine), batch, LossConfig())
    assert exact.total < 1e-5
    assert min(other.colour, other.layer, other.gradient, other.tone) > 1e-4


def test_an_error_on_the_lips_costs_more_than_on_the_nose(pairs: PairSource) -> None:
    batch = pairs.batch(48, 2)

    def cost(region: str) -> float:
        wrong = batch.affine + 0.2 * batch.regions[REGIONS.index(region)]
        return float(student_loss(wrong, batch, LossConfig()).layer)

    assert cost("lips") > 2 * cost("nose")


def test_a_missing_line_costs_more_than_a_missing_wash_of_the_same_texels() -> None:
    def missing(rows: slice, config: LossConfig) -> float:
        source = torch.full((1, 4, 64, 64), 0.5)
        source[:, 3] = 1.0
        affine = IDENTITY.expand(1, 6, 64, 64).clone()
        affine[:, :3, rows] = 0.5
        target = composite(source, affine)
        regions = torch.zeros(len(REGIONS), 64, 64)
        regions[REGIONS.index("eyes")] = 1.0
        batch = PairBatch(
            source, source, affine, target, regions, *(torch.zeros(1) for _ in range(4))
        )
        nothing = IDENTITY.expand(1, 6, 64, 64)
        # Per texel: the weights have a mean of 1, whatever is painted.
        return float(student_loss(nothing, batch, config).colour) / float((affine != nothing).sum())

    thin, wide = slice(30, 32), slice(0, 64)
    plain, lined = LossConfig(lines=0.0), LossConfig()
    gain = missing(thin, lined) / missing(thin, plain)
    assert gain > 4
    assert missing(wide, lined) == pytest.approx(missing(wide, plain), rel=1e-3)


def test_what_is_not_visible_costs_nothing(pairs: PairSource) -> None:
    batch = pairs.batch(32, 2)
    half = batch.source.clone()
    half[:, 3, :, 16:] = 0
    batch = replace(batch, source=half)
    wrong = batch.affine.clone()
    wrong[..., 17:] += 0.5
    assert student_loss(wrong, batch, LossConfig()).total < 1e-5


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="lips"):
        LossConfig(lips=-1.0)


def test_a_wrong_shade_costs_more_than_as_large_errors_that_cancel(pairs: PairSource) -> None:
    batch = pairs.batch(48, 2)
    checks = (torch.arange(48)[:, None] + torch.arange(48)) % 2 * 2.0 - 1.0

    def tone(pattern: torch.Tensor) -> float:
        wrong = batch.affine.clone()
        wrong[:, 3:] += 0.05 * pattern * batch.regions[REGIONS.index("lips")]
        return float(student_loss(wrong, batch, LossConfig()).tone)

    assert tone(torch.ones(48, 48)) > 5 * tone(checks)
