"""Regions partition the face, mirror each other, and leave out what is never painted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.curves import catmull_rom
from tryon.face.regions import fill_polygon, region_masks
from tryon.types import REGIONS

sizes = pytest.mark.parametrize("size", [64, 128, 256, 512])


def fill(contour, size=256):
    return fill_polygon(atlas(size).uv[list(contour)], size, 0.01) > 0.5


@sizes
def test_weights_partition_the_face(size):
    masks, inside = region_masks(size), atlas(size).inside
    assert masks.weights.shape == (size, size, len(REGIONS))
    assert masks.weights.min() >= 0
    np.testing.assert_allclose(masks.weights.sum(-1), inside, atol=1e-5)


@sizes
def test_masks_are_mirror_symmetric_and_within_range(size):
    masks = region_masks(size)
    for mask in (masks.weights, masks.exclusion, masks.rim, masks.paintable):
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
        np.testing.assert_allclose(mask[:, ::-1], mask, atol=1e-3)


@pytest.mark.parametrize(
    ("region", "vertices"),
    [
        ("skin", (151, 9, 199, 175)),  # forehead and chin
        ("cheeks", (50, 280, 205, 425)),
        ("nose", (4, 195, 5)),
        ("brows", (105, 334, 52, 282)),
        ("eyes", (27, 257, 223, 443)),  # lids
        ("lips", (0, 17, 37, 267, 84, 314)),
    ],
)
def test_a_region_lies_where_its_name_says(region, vertices):
    column, row = atlas(256).uv[list(vertices)].astype(int).T
    # A vertex of a contour lies on the soft edge: look at the texels next to it too.
    around = [
        region_masks(256).of(region)[row + dy, column + dx]
        for dy in (-3, 0, 3)
        for dx in (-3, 0, 3)
    ]
    assert (np.max(around, 0) > 0.8).all()


def test_every_region_has_texels_of_its_own():
    for region in REGIONS:
        assert (region_masks(256).of(region) > 0.99).sum() > 150, region


@pytest.mark.parametrize(
    "contour",
    [lm.EYE_R.opening, lm.EYE_L.opening, lm.LIPS_INNER, lm.NOSTRIL_R, lm.NOSTRIL_L],
)
@sizes
def test_openings_are_excluded(contour, size):
    masks, opening = region_masks(size), fill(contour, size)
    assert masks.exclusion[opening].mean() > 0.85
    assert masks.exclusion[opening].min() > 0.4  # the soft edge is centred on the contour
    deep = distance_transform_edt(opening) > 2.5 * size / 256 + 1
    assert (masks.exclusion[deep] > 0.99).all()
    assert (masks.paintable[deep] < 0.01).all()


def test_nothing_else_is_excluded():
    contours = (*(e.opening for e in lm.EYES), lm.LIPS_INNER, lm.NOSTRIL_R, lm.NOSTRIL_L)
    near = distance_transform_edt(~np.any([fill(c) for c in contours], 0)) < 3
    assert not region_masks(256).exclusion[~near].any()


def test_makeup_fades_out_towards_the_outline():
    masks, inside = region_masks(256), atlas(256).inside
    depth = distance_transform_edt(inside)
    assert not masks.rim[~inside].any()
    assert masks.rim[inside & (depth < 1.5)].max() < 0.1
    assert (masks.rim[depth > 12] == 1).all()
    np.testing.assert_allclose(masks.rim[(depth > 4) & (depth < 6)].mean(), 0.5, atol=0.15)


@pytest.mark.parametrize("size", [128, 256])
def test_each_sheet_takes_its_colour_from_the_nearest_texel_of_its_own(size):
    table, masks = atlas(size), region_masks(size)
    outer, inner = (
        fill_polygon(catmull_rom(table.uv[list(contour)], 4, closed=True), size, size / 256)
        for contour in (lm.LIPS_OUTER, lm.LIPS_INNER)
    )
    lips = outer - inner
    own_of = (table.inside & (lips <= 0.01), lips >= 0.99)
    for source, own in zip(masks.sheet_sources, own_of, strict=True):
        assert source.dtype == np.int32
        nearest = distance_transform_edt(~own)
        length = np.hypot(*(np.stack(np.divmod(source, size)) - np.indices((size, size))))
        near, far = nearest <= 23, nearest > 24
        assert own.flat[source[near]].all()
        assert (length[near] <= nearest[near] + 0.5).all()
        assert (length[far] == 0).all()


@settings(max_examples=40, deadline=None)
@given(
    centre=arrays(float, 2, elements=st.floats(20, 44)),
    sides=st.integers(3, 12),
    radius=st.floats(4, 15),
    softness=st.floats(1, 4),
)
def test_a_filled_polygon_has_the_area_of_the_polygon(centre, sides, radius, softness):
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    polygon = centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    mask = fill_polygon(polygon.astype(np.float32), 64, softness)
    area = 0.5 * sides * radius**2 * np.sin(2 * np.pi / sides)
    border = 2 * sides * radius * np.sin(np.pi / sides)
    assert abs(mask.sum() - area) < 0.15 * border + softness**2
    reversed_ = fill_polygon(polygon[::-1].astype(np.float32), 64, softness)
    np.testing.assert_allclose(mask, reversed_, atol=1e-3)


def test_growing_moves_the_outline_and_a_polygon_may_leave_the_atlas():
    square = np.array([[-10, 10], [20, 10], [20, 30], [-10, 30]], np.float32)
    mask = fill_polygon(square, 64, 0.5)
    assert mask[12:28, :18].min() == 1
    assert not mask[:8].any()
    assert not mask[:, 23:].any()
    grown = fill_polygon(square, 64, 0.5, grow=4)
    assert grown[8:32, :22].min() == 1
    assert (grown >= mask).all()
