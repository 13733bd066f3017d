"""A style painted on a photo: on every face, inside the faces only."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import difference, mesh_pixels
from tryon.cosmetics.style import Blush, MakeupStyle
from tryon.errors import ReferencePhotoError
from tryon.face import landmarks as lm
from tryon.look.products import paint_photo


def test_the_lips_take_the_colour_and_the_rest_of_the_photo_stays(
    portrait, painted_portrait, portrait_face
):
    x, y = portrait_face.landmarks[list(lm.LIPS_OUTER), :2].mean(0).astype(int)
    mouth = np.s_[y - 12 : y + 12, x - 20 : x + 20]
    before, after = (image[mouth].astype(int) for image in (portrait, painted_portrait))
    # Red lipstick takes green and blue away and leaves red.
    red, green, blue = np.abs(before - after).reshape(-1, 3).mean(0)
    assert min(green, blue) > max(15, 2 * red)
    outside = ~mesh_pixels(portrait, portrait_face)
    np.testing.assert_array_equal(painted_portrait[outside], portrait[outside])


def test_every_face_is_painted_and_the_input_is_left_alone(pair):
    before = pair.copy()
    out = paint_photo(pair, MakeupStyle(blush=Blush(1.0)))
    np.testing.assert_array_equal(pair, before)
    changed = difference(out, pair).max(-1) > 5
    assert changed[:, :640].sum() > 500
    assert changed[:, 640:].sum() > 500


def test_an_empty_style_changes_nothing(portrait):
    np.testing.assert_array_equal(paint_photo(portrait, MakeupStyle()), portrait)


def test_without_a_face_there_is_nothing_to_paint_on(wall):
    with pytest.raises(ReferencePhotoError, match="no face found to paint on"):
        paint_photo(wall, MakeupStyle())
