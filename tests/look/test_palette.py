"""A picture's colours become a style; no face is needed, and a seed gives one answer."""

import numpy as np
import pytest

from tryon.cosmetics.colours import oklch_of
from tryon.look.palette import palette_of, style_from_picture


@pytest.fixture
def sunset():
    """Three bands: dark blue, orange, and a small strip of pale yellow."""
    image = np.zeros((120, 90, 3), np.uint8)
    image[:60], image[60:105], image[105:] = (20, 30, 80), (230, 90, 40), (250, 235, 170)
    return image


def test_the_palette_has_the_picture_s_colours_by_their_share(sunset):
    swatches = palette_of(sunset)
    assert [round(s.share, 2) for s in swatches] == pytest.approx([0.5, 0.375, 0.125], abs=0.02)
    assert [s.color for s in swatches] == ["#141e50", "#e65a28", "#faebaa"]


def test_one_seed_gives_one_style(sunset):
    assert style_from_picture(sunset, 4) == style_from_picture(sunset, 4)
    assert len({repr(style_from_picture(sunset, seed)) for seed in range(8)}) > 1


def test_lips_are_warm_and_lids_take_the_other_colour(sunset):
    style = style_from_picture(sunset)
    assert abs(oklch_of(style.lips.color)[2] - oklch_of("#e65a28")[2]) < 8
    assert abs(oklch_of(style.eyeshadow.lid)[2] - oklch_of("#141e50")[2]) < 12
    assert oklch_of(style.liner.color)[0] < 0.25
    assert oklch_of(style.highlight.color)[0] > 0.8


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_colour_still_gives_a_style(level):
    image = np.full((70, 70, 3), level, np.uint8)
    assert len(palette_of(image)) == 1
    assert style_from_picture(image).worn()
