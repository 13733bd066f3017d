"""Where paint may go: skin of any tone and lips, not hair, cloth, cups or dark glasses."""

import pytest
import torch

from tests.cosmetics.test_substrate import DARK, LIGHT, MEDIUM
from tryon.cosmetics.skin import skin_likelihood


@pytest.mark.parametrize("skin", [LIGHT, MEDIUM, DARK])
def test_skin_is_told_from_hair_and_cloth(texture, fields, skin):
    picture = texture([skin])
    cover = torch.zeros(1, 1, 128, 128)
    cover[..., 20:40, 30:60], cover[..., 80:105, 15:40] = 1, 2
    hair, cloth = (
        torch.tensor(c)[None, :, None, None] / 255 for c in ((25, 18, 15), (60, 90, 190))
    )
    hidden = torch.where(cover == 1, hair, torch.where(cover == 2, cloth, picture))
    found = skin_likelihood(hidden * fields.inside, fields)
    clear = (cover == 0) & (fields.face > 0.9)
    deep = torch.nn.functional.max_pool2d(-(cover > 0).float(), 9, 1, 4) == -1
    deep = deep & (fields.face > 0.9) & (fields.lash > 1.2) & (fields.lower_lash > 0.6)
    assert found.shape == (1, 1, 128, 128)
    assert 0 <= found.min() <= found.max() <= 1
    assert found[clear].mean() > 0.9
    assert found[deep & (cover == 2)].mean() < 0.1
    if skin != DARK:  # black hair beside dark skin differs too little in one picture
        assert found[deep & (cover == 1)].mean() < 0.2


def test_red_lips_still_count_as_skin(texture, fields):
    found = skin_likelihood(texture([MEDIUM]), fields)
    assert (found >= fields.lips - 1e-6).all()


@pytest.mark.parametrize("skin", [LIGHT, MEDIUM, DARK])
@pytest.mark.parametrize("thing", [(60, 90, 190), (40, 110, 70), (24, 24, 26)])
def test_a_thing_in_front_of_the_mouth_is_no_lips_but_lipstick_is(texture, fields, skin, thing):
    colour = torch.tensor(thing)[None, :, None, None] / 255
    picture = texture([skin])
    held = fields.lip_edge > -1.5  # cm round the lips
    lips = fields.lips > 0.9
    hidden = skin_likelihood(torch.where(held, colour, picture) * fields.inside, fields)
    assert hidden[lips].mean() < 0.1
    worn = skin_likelihood(torch.where(fields.lips > 0.5, colour, picture), fields)
    assert worn[lips].min() > 0.9  # the same colour with skin around it


def test_grey_pictures_keep_their_lips(texture, fields):
    grey = texture([MEDIUM]).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert (skin_likelihood(grey, fields) >= fields.lips - 1e-6).all()


def test_behind_dark_glasses_nothing_is_painted(texture, fields):
    picture = texture([MEDIUM])
    glass = fields.lash < 2.5  # cm round the lash line: the whole eye, up to the brow
    green = torch.tensor([30, 60, 50])[None, :, None, None] / 255
    found = skin_likelihood(torch.where(glass & (fields.side > 0), green, picture), fields)
    lids = (fields.lid > 0.2) & (fields.lid < 0.8) & (fields.above > 0.9) & (fields.face > 0.5)
    lids &= (fields.along > 0) & (fields.along < 1.1)  # well within the glass
    assert found[lids & (fields.side > 0) & (fields.across < 0.9)].max() < 0.1
    assert found[lids & (fields.side < 0)].min() > 0.5
