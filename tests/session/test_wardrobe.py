"""Outfits: everybody's, one face's, and a bounded memory of them."""

from __future__ import annotations

import numpy as np
import pytest

from tryon import REGIONS
from tryon.engines.base import PreparedLook
from tryon.errors import ConfigError
from tryon.session.wardrobe import Wardrobe


class Encoder:
    """Prepares a look as its mean colour."""

    def prepare(self, texture):
        mean = texture.colour.mean((0, 1)).reshape(1, 3, 1, 1)
        return PreparedLook((mean.astype(np.float32),), "test")


@pytest.fixture
def wardrobe() -> Wardrobe:
    return Wardrobe(Encoder())


def test_bare_at_first(wardrobe):
    outfit = wardrobe.wearing.of(3)
    assert outfit.look is None
    assert not outfit.visible


def test_a_face_with_a_look_of_its_own_keeps_it_until_everybody_changes(wardrobe, look, bare_look):
    wardrobe.set_look(look)
    wardrobe.set_look(bare_look.with_intensity("lips", 0.5), face=1)
    assert wardrobe.wearing.of(0).look is look
    assert wardrobe.wearing.of(1).intensities == (1, 1, 1, 1, 1, 0.5)
    wardrobe.set_intensity("lips", 0.25)
    assert [wardrobe.wearing.of(i).intensities[-1] for i in (None, 0, 1)] == [0.25] * 3
    wardrobe.set_intensity("eyes", 0, face=0)
    assert wardrobe.wearing.of(1).intensities[REGIONS.index("eyes")] == 1
    wardrobe.set_look(look)
    assert wardrobe.wearing.of(1) is wardrobe.wearing.common


def test_what_was_read_does_not_change(wardrobe, look):
    before = wardrobe.wearing
    wardrobe.set_look(look, face=1)
    wardrobe.set_intensity("all", 0.5)
    assert before.of(1).look is None
    assert before.common.intensities == (1,) * 6


def test_a_look_at_intensity_zero_is_not_visible(wardrobe, look):
    wardrobe.set_look(look.with_intensity("all", 0))
    assert not wardrobe.wearing.common.visible
    wardrobe.set_intensity("nose", 0.1)
    assert wardrobe.wearing.common.visible


def test_outfits_of_faces_long_gone_are_dropped(wardrobe, look):
    for face in range(1000):
        wardrobe.set_intensity("lips", 0.5, face=face)
    assert len(wardrobe.wearing.own) <= 32
    assert wardrobe.wearing.of(999).intensities[-1] == 0.5


def test_settings_out_of_range_are_refused(wardrobe):
    with pytest.raises(ConfigError, match=r"0 to 1\.5"):
        wardrobe.set_intensity("lips", 2, face=1)
    assert not wardrobe.wearing.own
