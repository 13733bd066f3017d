"""Lips in little light: the exact layer does not glow, and one that ignores the light does."""

import pytest
import torch

from tryon.train.data import PaintedPairs
from tryon.train.evaluation import light
from tryon.train.losses import composite


@pytest.fixture
def asked(monkeypatch):
    """The batches that were made, newest last."""
    batches = []
    make = light.in_light

    def watched(*arguments):
        batches.append(make(*arguments))
        return batches[-1]

    monkeypatch.setattr(light, "in_light", watched)
    return batches


def test_the_exact_layer_does_not_glow(cache, asked):
    found = light.measure(cache, lambda source, reference: asked[-1].affine, "test", 4)
    for name in found.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(0, abs=0.05)


def test_a_layer_made_for_good_light_glows_ever_more(cache, asked):
    def blind(source, reference):
        return asked[-1 - (len(asked) - 1) % len(light.LIGHTS)].affine  # that of good light

    found = light.measure(cache, blind, "test", 4)
    glows = [getattr(found, name) for name in ("glow", "glow_1", "glow_2", "glow_3")]
    assert glows[0] == pytest.approx(0, abs=0.02)
    assert glows[0] + 0.1 < glows[1] < glows[2] < glows[3]
    assert glows[3] > 0.5
    assert min(found.lip_de_warm, found.lip_de_cool) > found.lip_de + 0.5


def test_less_light_makes_the_face_and_its_makeup_dark_alike(cache):
    bare = torch.tensor([int(i) for i in cache.indices("test")][:4])
    pairs = PaintedPairs(cache, light.CALM, style=light.STYLES[0])
    batch = pairs.one_style(bare, 256, torch.Generator().manual_seed(0))
    dim = light.in_light(batch, (0.5, 0.5, 0.5))
    lit = light.to_linear(torch.cat([batch.source[:, :3], batch.target]))
    less = light.to_linear(torch.cat([dim.source[:, :3], dim.target]))
    torch.testing.assert_close(less, lit / 2, atol=0.01, rtol=0)
    torch.testing.assert_close(dim.target, composite(dim.source, dim.affine))
    assert torch.equal(dim.reference, batch.reference)
