"""Things in front of faces: what they cover and what they leave."""

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.train import occluders
from tryon.train.occluders import cover

SIZE = 96


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=24):
    tone = torch.rand(count, 3, 1, 1, generator=generator(1)) * 0.5 + 0.2
    colour = tone.expand(-1, -1, SIZE, SIZE)
    return torch.cat([colour, torch.ones_like(colour[:, :1])], 1) * brush_fields(SIZE).inside


def test_nothing_covered_leaves_every_face():
    before = pictures()
    after, hidden = cover(before, 0.0, generator())
    assert torch.equal(after, before)
    assert not hidden.any()


def test_what_is_covered_is_told_and_the_rest_is_untouched():
    before = pictures()
    after, hidden = cover(before, 1.0, generator())
    assert hidden.shape == (24, 1, SIZE, SIZE)
    assert 0 <= hidden.min() <= hidden.max() <= 1 + 1e-6
    free = (hidden == 0).expand(-1, 3, -1, -1)
    assert torch.equal(after[:, :3][free], before[:, :3][free])
    assert torch.equal(after[:, 3], before[:, 3])
    assert not (hidden * (brush_fields(SIZE).inside == 0)).any()
    assert (hidden.amax((1, 2, 3)) > 0.9).float().mean() > 0.8  # a few lie beside the face


def test_about_the_share_asked_for_is_covered():
    _, hidden = cover(pictures(200), 0.3, generator())
    assert 0.2 < (hidden.amax((1, 2, 3)) > 0).float().mean() < 0.4


def test_the_mouth_is_covered_more_often_than_the_forehead():
    _, hidden = cover(pictures(120), 1.0, generator())
    fields = brush_fields(SIZE)
    forehead = fields.inside * (fields.across > 4.5)
    share = [(hidden * m).sum() / m.sum() for m in (fields.lips, forehead)]
    assert share[0] > 1.3 * share[1]


@pytest.mark.parametrize(
    "kind", sorted({*occluders._THINGS, *occluders._HANDS}, key=lambda k: k.__name__)
)
def test_every_kind_is_opaque_somewhere_and_nowhere_all_over(kind, monkeypatch):
    monkeypatch.setattr(occluders, "_THINGS", (kind,))
    after, hidden = cover(pictures(12), 1.0, generator(2))
    inside = brush_fields(SIZE).inside.sum()
    covered = hidden.sum((1, 2, 3)) / inside
    assert (covered > 0.004).float().mean() > 0.7
    assert covered.mean() < 0.6
    assert torch.isfinite(after).all()
    assert 0 <= after.min() <= after.max() <= 1


def test_hands_are_there_only_where_they_are_asked_for(monkeypatch):
    def hand(scene):
        raise AssertionError("a hand")

    monkeypatch.setattr(occluders, "_HANDS", (hand,))
    cover(pictures(), 1.0, generator())
    with pytest.raises(AssertionError, match="a hand"):
        cover(pictures(), 1.0, generator(), hands=True)


def test_one_seed_gives_one_set_of_occluders():
    one, two, other = (cover(pictures(), 1.0, generator(seed))[0] for seed in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
