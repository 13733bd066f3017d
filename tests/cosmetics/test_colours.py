"""Colours: conversions that undo each other, differences as published, names that fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from tryon.cosmetics.colours import (
    NAMES,
    ciede2000,
    cielab_of,
    hex_of,
    name_of,
    oklab_of,
    oklch_of,
    oklch_to_hex,
    rgb_of,
)

rgb = st.tuples(*[st.integers(0, 255)] * 3)


@given(rgb)
def test_a_colour_survives_oklch(levels):
    color = hex_of(np.array(levels) / 255)
    again = rgb_of(oklch_to_hex(*oklch_of(color)))
    assert np.abs(np.array(again) * 255 - levels).max() <= 1.01


@given(st.floats(0.15, 0.92), st.floats(0, 0.28), st.floats(-180, 540))
def test_colours_keep_lightness_and_hue_and_lose_only_chroma(lightness, chroma, hue):
    found, left, turned = oklch_of(oklch_to_hex(lightness, chroma, hue))
    assert found == pytest.approx(lightness, abs=0.012)
    assert left <= chroma + 0.012
    if left > 0.05:
        turn = abs((turned - hue + 180) % 360 - 180)
        # Whole levels turn the darkest colours.
        assert turn < (6 if lightness > 0.3 else 13 if lightness > 0.18 else 19)


def test_white_and_grey_have_no_chroma():
    np.testing.assert_allclose(oklab_of(np.ones(3)), [1, 0, 0], atol=1e-3)
    assert oklch_of("#808080")[1] < 1e-3


@given(rgb, rgb)
def test_ciede2000_agrees_with_another_implementation(first, second):
    a, b = (np.array(c) / 255 for c in (first, second))
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (a, b)]
    ours = ciede2000(cielab_of(linear[0]), cielab_of(linear[1]))
    theirs = deltaE_ciede2000(rgb2lab(a[None, None]), rgb2lab(b[None, None]))[0, 0]
    assert ours == pytest.approx(theirs, abs=0.05)


def test_every_name_is_the_name_of_its_own_colour():
    assert len(NAMES) >= 60
    for name, color in NAMES.items():
        assert name_of(color) == name


@pytest.mark.parametrize(
    ("color", "names"),
    [
        ("#000000", {"black"}),
        ("#ffffff", {"white"}),
        ("#a5122a", {"crimson", "red"}),
        ("#1e2a50", {"navy"}),
        ("#808000", {"olive", "mustard"}),
        ("#ff69b4", {"pink", "hot pink"}),
    ],
)
def test_common_colours_have_common_names(color, names):
    assert name_of(color) in names
