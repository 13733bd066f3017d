"""Hands, cloths and shadows drawn on faces: what they cover, and what they leave."""

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.train.hands import cast_shadows, cloths, hands

SIZE = 96


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=16):
    tone = torch.rand(count, 3, 1, 1, generator=generator(1)) * 0.4 + 0.3
    colour = tone.expand(-1, -1, SIZE, SIZE)
    return torch.cat([colour, torch.ones_like(colour[:, :1])], 1) * brush_fields(SIZE).inside


@pytest.mark.parametrize("draw", [hands, cloths])
def test_what_is_drawn_lies_on_the_face_and_is_told(draw):
    before = pictures()
    after, hidden = draw(before, before[:, :3], 1.0, generator())
    inside = brush_fields(SIZE).inside
    assert hidden.shape == (16, 1, SIZE, SIZE)
    assert 0 <= hidden.min() <= hidden.max() <= 1 + 1e-6
    assert not (hidden * (inside == 0)).any()
    assert torch.equal(after[:, 3], before[:, 3])
    assert torch.isfinite(after).all()
    assert (hidden.amax((1, 2, 3)) > 0.9).float().mean() > 0.8  # a few lie beside the face


@pytest.mark.parametrize("draw", [hands, cloths])
def test_beside_what_is_drawn_a_face_only_darkens_or_brightens_not_more(draw):
    before = pictures()
    after, hidden = draw(before, before[:, :3], 1.0, generator())
    free = (hidden == 0).float() * brush_fields(SIZE).inside
    ratio = (after[:, :3] / before[:, :3].clamp_min(1e-3)) * free + (1 - free)
    assert ratio.min() > 0.4
    assert ratio.max() <= 1 + 1e-5
    assert torch.allclose(ratio.amin(1), ratio.amax(1), atol=1e-4)  # shadows have no colour here


def test_nobody_is_covered_where_none_is_asked_for():
    before = pictures()
    after, hidden = hands(before, before[:, :3], 0.0, generator())
    assert torch.equal(after, before)
    assert not hidden.any()


def test_a_hand_has_the_colour_of_skin():
    before = pictures()
    after, hidden = hands(
        before, before[:, :3].mean(0, True).expand(16, -1, -1, -1), 1.0, generator()
    )
    core = (hidden > 0.99).float()
    mean = (after[:, :3] * core).sum((0, 2, 3)) / core.sum()
    skin = before[:, :3].sum((0, 2, 3)) / (16 * brush_fields(SIZE).inside.sum())
    assert (mean / skin - 1).abs().max() < 0.35


def test_a_shadow_darkens_and_hides_nothing():
    before = pictures()
    after = cast_shadows(before, 1.0, generator())
    assert torch.equal(after[:, 3], before[:, 3])
    assert (after <= before + 1e-6).all()
    assert (after[:, :3] < 0.95 * before[:, :3]).any()
