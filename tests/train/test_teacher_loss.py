"""Losses of the teacher: attention on its mask is best, and error counts more on the face."""

import pytest
import torch

from tryon.errors import ConfigError
from tryon.train.teacher_loss import (
    ATTENTION_LOSSES,
    LEAST_NOISE,
    attention_loss,
    diffusion_loss,
    focal_dice,
    velocity_weight,
)

KINDS = ("focal", "focus", "mse")


def blocks() -> torch.Tensor:
    """Four regions, a quarter of an 8 x 8 map each."""
    masks = torch.zeros(1, 4, 8, 8)
    for region in range(4):
        y, x = divmod(region, 2)
        masks[0, region, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] = 1
    return masks


@pytest.mark.parametrize("kind", KINDS)
def test_attention_on_its_mask_is_best_and_one_spike_inside_is_not(kind):
    masks = blocks()
    on_mask = 12 * (2 * masks - 1)
    spike = torch.full_like(masks, -12.0)
    spike[0, :, 1::4, 1::4] = 12 * (2 * masks[0, :, 1::4, 1::4] - 1)
    loss = {
        name: float(attention_loss({8: logits}, masks[0], kind))
        for name, logits in (("mask", on_mask), ("spike", spike), ("none", 0 * masks),
                             ("wrong", on_mask.roll(1, 1)))
    }  # fmt: skip
    assert loss["mask"] < 0.02
    assert loss["mask"] < loss["none"] < loss["wrong"]
    assert loss["spike"] > loss["mask"] + 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_attention_falls_onto_its_mask_when_trained(kind):
    masks = blocks()
    logits = torch.zeros(1, 4, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    losses = []
    for _ in range(60):
        loss = attention_loss({8: logits}, masks[0], kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert torch.equal(logits.detach().argmax(1), masks.argmax(1))


def test_dropped_makeup_is_asked_nothing_of():
    masks = blocks()
    logits = torch.cat((12 * (2 * masks - 1), -12 * (2 * masks - 1)))
    kept = attention_loss({8: logits}, masks[0], "focal", torch.tensor([1.0, 0.0]))
    assert float(kept) == pytest.approx(float(focal_dice(logits[:1], masks).mean()))
    assert float(attention_loss({8: logits}, masks[0], "focal", torch.zeros(2))) == 0


def test_sizes_count_equally_and_none_costs_nothing():
    masks = blocks()[0]
    big, small = torch.zeros(1, 4, 8, 8), torch.full((1, 4, 4, 4), 3.0)
    both = attention_loss({8: big, 4: small}, masks, "focal")
    one, two = (attention_loss({m.shape[-1]: m}, masks, "focal") for m in (big, small))
    assert float(both) == pytest.approx(float(one + two) / 2)
    assert float(attention_loss({8: big}, masks, "none")) == 0
    assert float(attention_loss({}, masks, "focal")) == 0
    with pytest.raises(ConfigError, match="focus"):
        attention_loss({8: big}, masks, "sharp")
    assert set(KINDS) < set(ATTENTION_LOSSES)


def test_error_counts_half_everywhere_and_more_where_it_is_seen():
    face, expression = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    face[..., :2] = 1
    expression[..., :1] = 1
    error = torch.zeros(2, 3, 4, 4)
    one = torch.ones(2)
    assert float(diffusion_loss(error, error, face, expression, one)) == 0
    places = {"background": 3, "face": 1, "expression": 0}
    loss = {}
    for name, column in places.items():
        wrong = error.clone()
        wrong[..., column] = 1
        loss[name] = float(diffusion_loss(wrong, error, face, expression, one))
    assert loss == pytest.approx({"background": 0.125, "face": 0.25, "expression": 0.5})


def test_a_pairs_error_counts_by_its_weight():
    everywhere = torch.ones(1, 1, 4, 4)
    wrong, right = torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    wrong[0] = 0
    masks = (everywhere, everywhere)
    for weight, loss in (((1.0, 9.0), 0.5), ((4.0, 0.0), 2.0), ((0.0, 9.0), 0.0)):
        assert float(diffusion_loss(wrong, right, *masks, torch.tensor(weight))) == loss


def test_a_clean_predictions_error_weighs_as_that_of_its_velocity():
    random = torch.Generator().manual_seed(0)
    clean, noise, guess = (torch.randn(5, 96, generator=random) for _ in range(3))
    signal = torch.tensor([0.0, 0.3, 0.9, 0.96, 0.999])
    alpha, sigma = signal.sqrt()[:, None], (1 - signal).sqrt()[:, None]
    noisy = alpha * clean + sigma * noise
    velocity = (alpha * noisy - guess) / sigma
    error = (velocity - (alpha * noise - sigma * clean)).square().mean(1)
    weight = velocity_weight("sample", signal)
    found = weight * (guess - clean).square().mean(1)
    assert torch.allclose(found[:4], error[:4], rtol=1e-3)
    assert float(weight[4]) == pytest.approx(LEAST_NOISE**-2)  # and no further
    assert torch.equal(velocity_weight("epsilon", signal), torch.ones(5))


def test_a_region_lies_in_the_middle_of_its_map():
    masks = torch.zeros(4, 16, 16)
    masks[..., 3:13] = 1  # symmetric
    logits = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    one, two = (attention_loss({4: x}, masks, "focal") for x in (logits, logits.flip(-1)))
    assert float(one) == pytest.approx(float(two))
