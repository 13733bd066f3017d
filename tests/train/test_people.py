"""People made from people: a morph takes features only, another complexion changes skin only."""

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.train.people import morph, recoloured

SIZE = 64


def test_a_morph_keeps_the_tone_and_the_border_and_takes_the_detail():
    fields = brush_fields(SIZE)
    waves = [torch.sin(torch.arange(SIZE) * k)[None, None, None] for k in (0.9, 1.7)]
    host, donor = (
        ((tone + 0.04 * wave).expand(1, 3, SIZE, SIZE), fields.inside, fields.inside)
        for tone, wave in zip((0.5, 0.2), waves, strict=True)
    )
    mixed = morph(host, donor, torch.ones(1, 1, 1, 1))
    skin = (fields.paintable > 0.99).expand_as(mixed)
    assert mixed[skin].mean() == pytest.approx(0.5, abs=0.03)
    off = (fields.paintable == 0).expand_as(mixed)
    torch.testing.assert_close(mixed[off], host[0][off], atol=1e-4, rtol=0)
    wave = waves[1].expand_as(mixed)[skin]
    assert torch.corrcoef(torch.stack([mixed[skin], wave]))[0, 1] > 0.9


def faces(*tones):
    colour = (
        torch.tensor(tones)[:, None, None, None] * torch.tensor([1.0, 0.7, 0.55])[:, None, None]
    )
    return colour.expand(-1, -1, SIZE, SIZE) * brush_fields(SIZE).inside


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def test_another_complexion_changes_skin_only_and_its_tone_with_it():
    linear, ita = faces(0.5, 0.5, 0.2, 0.2), torch.tensor([40.0, 40, -10, -10])
    skin = brush_fields(SIZE).face.expand(4, -1, -1, -1)
    changed, tones = recoloured(linear, skin, ita, 0.35, generator())
    bare = (skin == 0).expand_as(linear)
    assert torch.equal(changed[bare], linear[bare])
    light = torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]
    darker = (changed * light).mean((1, 2, 3)) < (linear * light).mean((1, 2, 3))
    assert torch.equal(darker, tones < ita)
    assert darker.any()
    assert not darker.all()
    assert 2 < (tones - ita).abs().max() < 30


def test_more_melanin_takes_more_blue_than_red():
    linear, skin = faces(*[0.4] * 16), brush_fields(SIZE).face.expand(16, -1, -1, -1)
    changed, tones = recoloured(linear, skin, torch.full((16,), 30.0), 0.35, generator())
    density = -torch.log((changed * skin).sum((2, 3)) / (linear * skin).sum((2, 3)))
    strong = (tones < 22).nonzero()[:, 0]
    assert len(strong) > 2
    assert (density[strong, 2] > 1.4 * density[strong, 0]).all()


def test_no_amount_changes_nobody():
    linear, skin = faces(0.4), brush_fields(SIZE).face
    changed, tones = recoloured(linear, skin, torch.tensor([30.0]), 0.0, generator())
    torch.testing.assert_close(changed, linear)
    assert tones.item() == pytest.approx(30.0, abs=1e-3)
