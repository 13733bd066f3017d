"""Painting the frame: what must not change keeps its bytes, what must change is exact."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tryon.kernels import colour, cpu


def f32(values: object) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


IDENTITY = np.array([1, 1, 1, 0, 0, 0], np.float32)
SIDE, SHAPE = 5, (7, 9)


Layer = tuple[NDArray[np.float32], NDArray[np.int32]]
OWN = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE)


def layer(values: object) -> Layer:
    """The same map everywhere and in both sheets."""
    affine = np.broadcast_to(np.asarray(values, np.float32), (SIDE, SIDE, 6)).copy()
    return affine, np.stack([OWN, OWN])


def two(rest: object, lips: object) -> Layer:
    """One map for the sheet of everything but lips, another for that of lips."""
    affine, sources = layer(rest)
    affine[0, 1] = lips
    sources[0], sources[1] = 0, 1
    return affine, sources


def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


def full(value: float) -> NDArray[np.float32]:
    return np.full(SHAPE, value, np.float32)


def texels() -> NDArray[np.float32]:
    return np.random.default_rng(6).uniform(0, SIDE, (*SHAPE, 2)).astype(np.float32)


def every_level() -> NDArray[np.uint8]:
    return np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)


def test_what_the_layer_leaves_alone_keeps_its_bytes(kernels: ModuleType) -> None:
    paint, image = layer([0.5, 0.2, 0.1, 0.3, 0.1, 0.2]), picture()
    cases = [
        (texels(), layer(IDENTITY), full(0.3), full(1)),
        (texels(), paint, full(0.3), full(0)),
        (texels(), paint, full(0.3), full(-1)),
        (texels(), paint, full(0.3), full(np.nan)),
        (texels() * 0 - 1, paint, full(0.3), full(1)),
        (texels() * np.float32(np.nan), paint, full(0.3), full(1)),
        (texels(), layer(np.nan), full(0.3), full(1)),
        (texels(), layer([1, 1, 1, 0, 0, np.inf]), full(0.3), full(1)),
    ]
    for spots, worn, lips, cover in cases:
        found = image.copy()
        kernels.composite(found, spots, (0, 0), *worn, lips, cover)
        np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("kept", [True, False])
def test_other_sources_are_noticed_in_the_next_call(kernels: ModuleType, kept: bool) -> None:
    """What a kernel makes of a table may be kept while the table is read-only, and not longer."""
    affine, sources = layer(IDENTITY)
    affine[0, 0] = [0, 0, 0, 1, 1, 1]  # white
    sources.setflags(write=not kept)
    image = np.full((*SHAPE, 3), 90, np.uint8)
    spots = np.full((*SHAPE, 2), 3.5, np.float32)
    kernels.composite(image, spots, (0, 0), affine, sources, full(0), full(1))
    assert (image == 90).all()
    sources = sources.copy() if kept else sources
    sources[0] = 0
    kernels.composite(image, spots, (0, 0), affine, sources, full(0), full(1))
    assert (image == 255).all()


def test_beyond_the_last_texel_only_that_one_counts(kernels: ModuleType) -> None:
    paint, sources = layer([0.5, 0.2, 0.1, 0.3, 0.1, 0.2])
    paint[:-1], paint[:, :-1] = np.nan, np.nan
    spots = np.full((1, 2, 2), SIDE - 0.25, np.float32)
    image = np.full((1, 2, 3), 90, np.uint8)
    lips = f32([[0, 1]])
    kernels.composite(image, spots, (0, 0), paint, sources, lips, np.ones_like(lips))
    assert (image != 90).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]), st.floats(0, 1, width=32))
def test_identity_texels_never_change_a_level(seed: int, lip: float, share: float) -> None:
    # Half of the sheet paints; a pixel between identity texels alone must not notice.
    rng = np.random.default_rng(seed)
    affine = np.tile(IDENTITY, (8, 8, 1))
    affine[:, 4:] = rng.normal(0, 1, (8, 4, 6))
    own = np.arange(64, dtype=np.int32).reshape(8, 8)
    sources = np.stack([own, own])
    # Of the other sheet, identity texels come from identity texels anywhere.
    sources[1, :, :4] = rng.permutation(own[:, :4].reshape(-1)).reshape(8, 4)
    spots = rng.uniform(0, 8, (16, 16, 2)).astype(np.float32)
    image = every_level()
    found = image.copy()
    constant = np.ones((16, 16), np.float32)
    masks = constant * np.float32(lip), constant * share
    cpu.composite(found, spots, (0, 0), affine, sources, *masks)
    untouched = spots[..., 0] <= 3.5  # both neighbours lie in columns 0..3
    np.testing.assert_array_equal(found[untouched], image[untouched])


def test_the_map_is_applied_in_linear_light(kernels: ModuleType) -> None:
    image = every_level()
    gain, offset, share = np.array([0.5, 1.2, 0.0]), np.array([0.1, -0.05, 0.3]), 0.75
    found = image.copy()
    constant = np.ones((16, 16), np.float32)
    kernels.composite(
        found,
        np.full((16, 16, 2), 2, np.float32),
        (0, 0),
        *layer([*gain, *offset]),
        constant * 0,
        constant * np.float32(share),
    )
    light = colour.srgb_to_linear(image / 255.0)
    new = np.clip(light + share * (gain * light + offset - light), 0, 1)
    wanted = np.floor(255 * colour.linear_to_srgb(new) + 0.5)
    assert np.abs(found - wanted).max() <= 1
    assert (found != wanted).mean() < 0.01


def test_results_stay_in_range(kernels: ModuleType) -> None:
    for values, level in (([9, 9, 9, 9, 9, 9], 255), ([0, 0, 0, -9, -9, -9], 0)):
        found = picture()
        kernels.composite(found, texels(), (0, 0), *layer(values), full(0), full(1))
        assert (found == level).all()


def test_lips_choose_and_blend_the_sheets(kernels: ModuleType) -> None:
    worn = two([0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1])  # black, and white lips
    for lip, level in ((0.0, 0), (1.0, 255), (0.5, 188), (np.nan, 0), (2.0, 255)):
        found = picture()
        kernels.composite(found, texels(), (0, 0), *worn, full(lip), full(1))
        assert (found == level).all()  # 188: half the light, not half the level


def test_a_broken_sheet_does_not_reach_pixels_of_the_other(kernels: ModuleType) -> None:
    worn = two([0, 0, 0, 1, 1, 1], np.nan)
    found = picture()
    kernels.composite(found, texels(), (0, 0), *worn, full(0), full(1))
    assert (found == 255).all()


@pytest.mark.parametrize(
    "origin", [(-4, 0), (4, 0), (0, -3), (0, 3), (-4, -3), (4, 3), (100, 0), (0, -100), (-9, 7)]
)
def test_boxes_may_leave_the_frame(kernels: ModuleType, origin: tuple[int, int]) -> None:
    image = picture()
    found = image.copy()
    kernels.composite(found, texels(), origin, *layer([0, 0, 0, 1, 1, 1]), full(0), full(1))
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x, y = column - origin[0], row - origin[1]
    inside = (x >= 0) & (x < SHAPE[1]) & (y >= 0) & (y < SHAPE[0])
    assert (found[inside] == 255).all()
    np.testing.assert_array_equal(found[~inside], image[~inside])


def test_texels_are_sampled_between_their_centres(kernels: ModuleType) -> None:
    affine, sources = layer([0, 0, 0, 0, 0, 0])
    affine[:, 3:, 3:] = 1  # black up to texel column 2, white from column 3
    spots = np.full((*SHAPE, 2), 2.5, np.float32)
    spots[:, :5, 0] = 0.0, 2.5, 3.0, 3.5, SIDE + 3
    found = picture()
    kernels.composite(found, spots, (0, 0), affine, sources, full(0), full(1))
    assert found[0, :5, 0].tolist() == [0, 0, 188, 255, 255]


def test_the_level_tables_are_the_exact_curve() -> None:
    borders = colour.border_of_level()[:256]
    dark_side = np.nextafter(borders[1:], np.float32(0))
    spread = np.random.default_rng(8).random(100_000, np.float32)
    light = np.concatenate([borders, dark_side, spread, f32([0, 1])])
    guess = colour.level_of_bucket()[(light * colour.BUCKETS).astype(int)].astype(int)
    level = guess + (light >= colour.border_of_level()[guess + 1])
    np.testing.assert_array_equal(level, np.floor(255 * colour.linear_to_srgb(light) + 0.5))
    round_trip = colour.linear_to_srgb(colour.srgb_to_linear(np.linspace(0, 1, 1001)))
    np.testing.assert_allclose(round_trip, np.linspace(0, 1, 1001), atol=1e-7)
