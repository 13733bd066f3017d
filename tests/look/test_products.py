"""A style painted on a photo: on every face, inside the faces only; and a style as a look."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import difference, mesh_pixels
from tryon.cosmetics.style import Blush, Decals, Eyeshadow, Liner, Lips, MakeupStyle
from tryon.errors import ReferencePhotoError
from tryon.face import landmarks as lm
from tryon.look.look import Look
from tryon.look.products import look_of_style, paint_face, paint_photo, paint_thumbnails

BOLD = MakeupStyle(
    lips=Lips(1.0, "#a5122a", "gloss", overline=0.5),
    eyeshadow=Eyeshadow(0.9, "#40a0c0", finish="glitter", height=0.8),
    liner=Liner(1.0, wing=0.8),
    blush=Blush(0.8),
    decals=Decals(1.0, kind="gems"),
)


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


def test_painting_twice_gives_the_same_bytes(portrait, portrait_face):
    first, second = portrait.copy(), portrait.copy()
    paint_face(first, portrait_face, BOLD)
    paint_face(second, portrait_face, BOLD)
    np.testing.assert_array_equal(first, second)
    assert difference(first, portrait).max() > 60


def test_lipstick_stays_within_the_lips_and_off_the_teeth(portrait, portrait_face):
    from tryon.kernels import cpu

    out = portrait.copy()
    paint_face(out, portrait_face, MakeupStyle(lips=Lips(1.0, "#a5122a", "matte")))
    changed = (out != portrait).any(-1)

    def covered(contour):
        points = portrait_face.landmarks[list(contour), :2].astype(np.float32)
        return cpu.polygon_coverage(np.ascontiguousarray(points), (0, 0), portrait.shape[:2])

    near = covered(lm.LIPS_OUTER) > 0
    for _ in range(2):  # curves bulge a pixel or two beyond the polygon of the landmarks
        near = near | np.roll(near, 1, 0) | np.roll(near, -1, 0) | np.roll(near, 1, 1)
        near = near | np.roll(near, -1, 1)
    assert changed.sum() > 200
    assert not changed[~near].any()
    teeth = portrait_face.landmarks[[13, 14], :2].mean(0).astype(int)
    assert not changed[teeth[1], teeth[0]]


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


def test_thumbnails_show_one_style_each(portrait):
    plain, red = paint_thumbnails(portrait, [MakeupStyle(), BOLD], 80)
    assert plain.shape == red.shape == (80, 64, 3)
    assert difference(plain, red).max() > 50


def test_a_style_as_a_look_is_worn_like_any_other(tmp_path):
    look = look_of_style(BOLD, "bold\n")
    bare = look_of_style(MakeupStyle())
    assert look.provenance == "product"
    assert look.name == "bold_"
    assert difference(look.colour, bare.colour).max() > 60
    np.testing.assert_array_equal(look.visibility, bare.visibility)
    look.save(tmp_path / "bold.look")
    assert Look.load(tmp_path / "bold.look").digest == look.digest
    assert look_of_style(BOLD, "bold\n").digest == look.digest


def test_what_is_in_front_of_the_face_is_not_painted(portrait, portrait_face):
    from tryon.train.evaluation.occluders import OCCLUDERS

    drawn = OCCLUDERS["fingers"](portrait, portrait_face)
    lipstick = MakeupStyle(lips=Lips(1.0, "#a5122a", "matte"))
    paint = {}
    for covered in (True, False):
        out = drawn.image.copy()
        paint_face(out, portrait_face, lipstick, covered=covered)
        changed = difference(out, drawn.image)
        paint[covered] = changed[drawn.mask].sum(), changed[~drawn.mask].sum()
    assert paint[True][0] < 0.4 * paint[False][0]
    assert paint[True][1] > 0.7 * paint[False][1]
