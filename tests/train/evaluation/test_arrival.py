"""Shares of known eye makeup: nothing is 0, the exact layer is 1, half of it is a half."""

import pytest
import torch

from tests.train.evaluation.models import nothing
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import arrival


@pytest.fixture
def asked(monkeypatch):
    """The batches that were made, newest last."""
    batches = []
    make = PaintedPairs.one_style

    def watched(self, *arguments):
        batches.append(make(self, *arguments))
        return batches[-1]

    monkeypatch.setattr(PaintedPairs, "one_style", watched)
    return batches


def test_nothing_is_no_share_and_the_exact_layer_is_all(cache, asked):
    bare = arrival.measure(cache, nothing, "test", 4)
    full = arrival.measure(cache, lambda source, reference: asked[-1].affine, "test", 4)
    for name in bare.__dataclass_fields__:
        assert getattr(bare, name) == pytest.approx(0, abs=1e-3)
        assert getattr(full, name) == pytest.approx(1, abs=0.02)


def test_a_part_of_the_change_is_that_part(cache, asked):
    def part(source, reference):
        return torch.lerp(nothing(source, reference), asked[-1].affine, 0.5)

    found = arrival.measure(cache, part, "test", 4)
    for name in found.__dataclass_fields__:  # half of the light is less than half in sRGB
        assert 0.2 < getattr(found, name) < 0.8


def test_styles_differ_in_how_much_of_the_face_they_change(cache, asked):
    arrival.measure(cache, nothing, "test", 4)
    changed = [float((b.target - b.source[:, :3]).abs().sum()) for b in asked]
    wing, everyday, _, smoky, off = changed
    assert 0 < wing < everyday < smoky
    assert off == pytest.approx(smoky, rel=0.05)
