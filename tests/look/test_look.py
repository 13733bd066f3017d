"""A look is one value: what it holds is in its digest, and its settings keep to their ranges."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from tryon import REGIONS, Look
from tryon.errors import ConfigError, LookFormatError
from tryon.look.look import FULL, MAX_NAME


def plain(**changes) -> Look:
    random = np.random.default_rng(3)
    values = {
        "colour": random.integers(0, 256, (128, 128, 3), np.uint8),
        "visibility": random.integers(0, 256, (128, 128), np.uint8),
    }
    return Look(**{**values, **changes})


def test_equal_looks_have_equal_digests():
    assert plain().digest == plain().digest
    assert len(plain().digest) == 64
    views = plain(colour=np.asfortranarray(plain().colour))
    assert views.digest == plain().digest


def test_every_part_of_a_look_is_in_its_digest():
    colour, visibility = plain().colour.copy(), plain().visibility.copy()
    colour[5, 6, 1] ^= 1
    visibility[7, 8] ^= 1
    others = [
        plain(),
        plain(colour=colour),
        plain(visibility=visibility),
        plain(name="other"),
        plain(provenance="mix"),
        *(plain().with_intensity(region, 0.5) for region in REGIONS),
    ]
    assert len({look.digest for look in others}) == len(others)


def test_the_texture_is_the_pixels_from_0_to_1():
    look = plain()
    assert look.texture.colour.dtype == look.texture.visibility.dtype == np.float32
    np.testing.assert_array_equal(np.round(255 * look.texture.colour), look.colour)
    np.testing.assert_array_equal(np.round(255 * look.texture.visibility), look.visibility)
    assert look.texture.colour.max() <= 1
    assert look.size == 128


def test_with_intensity_gives_another_look():
    look = plain()
    lips = look.with_intensity("lips", 0.25)
    assert look.intensities == FULL
    assert lips.intensities == (1, 1, 1, 1, 1, 0.25)
    assert lips.with_intensity("all", 1.5).intensities == (1.5,) * 6
    assert lips.colour is look.colour


@pytest.mark.parametrize("value", [-0.1, 1.6, float("nan")])
@pytest.mark.parametrize("region", ["lips", "all"])
def test_intensities_out_of_range_are_refused(region, value):
    with pytest.raises(ConfigError, match=r"0 to 1\.5"):
        plain().with_intensity(region, value)


def test_unknown_regions_are_refused():
    with pytest.raises(ConfigError, match="hair"):
        plain().with_intensity("hair", 1.0)


def test_a_look_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        plain().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": np.zeros((128, 64, 3), np.uint8)},
        {"colour": np.zeros((128, 128), np.uint8)},
        {"colour": np.zeros((128, 128, 3), np.float32)},
        {"visibility": np.zeros((64, 64), np.uint8)},
        {"visibility": np.zeros((128, 128), bool)},
        {"visibility": np.zeros((), np.uint8)},
    ],
)
def test_arrays_of_another_layout_are_refused(changes):
    with pytest.raises(LookFormatError, match="make it again from the photo"):
        plain(**changes)


@pytest.mark.parametrize("name", ["x" * (MAX_NAME + 1), "two\nlines", "\x1b[2J", "\ud800", None])
def test_names_that_cannot_be_shown_are_refused(name):
    with pytest.raises(LookFormatError, match="printable"):
        replace(plain(), name=name)


def test_a_removal_look_is_saved_and_mixed_like_any_other(tmp_path, look):
    removal = Look.removal()
    removal.save(tmp_path / "off.look")
    assert Look.load(tmp_path / "off.look").digest == removal.digest
    mixed = Look.mix({"all": look, "lips": removal})
    assert [part.colour.max() > 0 for part in mixed.parts].count(False) == 1
