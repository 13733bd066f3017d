"""The contact sheet shows the atlas, every region, and the colours that were seen."""

from __future__ import annotations

import numpy as np

from tryon import REGIONS, Look
from tryon.face.regions import region_masks
from tryon.look.sheet import contact_sheet, region_colour


def painted(size=128) -> Look:
    """A look with one colour a region."""
    weights = region_masks(size).weights
    colours = np.array([[40 * k + 20, 200 - 30 * k, 90] for k in range(6)], np.float32)
    colour = np.where(weights.max(-1, keepdims=True) > 0, colours[weights.argmax(-1)], 0)
    return Look(colour.astype(np.uint8), np.full((size, size), 255, np.uint8), "six colours")


def test_the_colour_of_each_region_is_what_most_of_it_has():
    look = painted()
    for index, region in enumerate(REGIONS):
        expected = np.array([40 * index + 20, 200 - 30 * index, 90]) / 255
        np.testing.assert_allclose(region_colour(look, region), expected, atol=1e-6)


def test_what_was_not_seen_does_not_count():
    look = painted()
    half = look.colour.copy()
    half[:, :64] = 255
    seen = look.visibility.copy()
    seen[:, :64] = 0
    np.testing.assert_allclose(
        region_colour(Look(half, seen), "lips"), region_colour(look, "lips"), atol=1e-6
    )
    assert (region_colour(Look(half, 0 * seen), "lips") == 0).all()


def test_the_sheet_shows_atlas_and_swatches():
    look = painted()
    sheet = contact_sheet(look)
    assert sheet.dtype == np.uint8
    assert sheet.ndim == 3
    atlas = sheet[12 : 12 + 512, 12 : 12 + 512]
    inside = look.colour.max(-1) > 0
    big = np.repeat(np.repeat(inside, 4, 0), 4, 1)
    error = np.abs(atlas.astype(int) - np.repeat(np.repeat(look.colour, 4, 0), 4, 1))
    assert np.median(error[big]) <= 1
    right = sheet[:, 540:].reshape(-1, 3)
    for region in REGIONS:
        swatch = np.round(255 * region_colour(look, region))
        assert (right == swatch).all(-1).sum() > 500


def test_the_sheet_differs_by_look_and_repeats():
    look = painted()
    first = contact_sheet(look)
    np.testing.assert_array_equal(first, contact_sheet(look))
    assert (first != contact_sheet(look.with_intensity("lips", 0.4))).any()


def test_every_name_can_be_drawn():
    look = painted()
    for name in ("ünïcødé 彩妆 💄", "", "x" * 200):
        contact_sheet(Look(look.colour, look.visibility, name))
