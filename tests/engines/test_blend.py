"""Blending prepared looks: by place where a feature has places, as a whole where it has none."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.engines.base import PreparedLook
from tryon.engines.blend import blend_looks
from tryon.errors import EngineError


def prepared(value, engine="one"):
    shapes = ((1, 3, 8, 8), (1, 3, 4, 4), (1, 5, 1, 1))
    return PreparedLook(tuple(np.full(s, value, np.float32) for s in shapes), engine)


def halves():
    """The left half of an atlas of 16 texels from the first look, the right from the second."""
    texels = np.zeros((2, 16, 16), np.float32)
    texels[0, :, :8] = texels[1, :, 8:] = 1
    return texels


def test_each_place_takes_its_own_look():
    fine, coarse, whole = blend_looks([prepared(1), prepared(3)], halves(), (0.25, 0.75)).features
    for feature in (fine, coarse):
        middle = feature.shape[-1] // 2
        assert (feature[..., :middle] == 1).all()
        assert (feature[..., middle:] == 3).all()
        assert feature.dtype == np.float32
        assert feature.flags.c_contiguous
    assert (whole == 2.5).all()
    assert whole.shape == (1, 5, 1, 1)


def test_engines_may_hold_channels_last():
    def last(look):
        features = tuple(f.transpose(0, 2, 3, 1).copy() for f in look.features)
        return PreparedLook(features, "one", channel_axis=3)

    first = blend_looks([prepared(1), prepared(3)], halves(), (0.25, 0.75))
    second = blend_looks([last(prepared(1)), last(prepared(3))], halves(), (0.25, 0.75))
    assert second.channel_axis == 3
    for one, other in zip(first.features, second.features, strict=True):
        np.testing.assert_array_equal(one, other.transpose(0, 3, 1, 2))


def test_borders_between_texels_are_shared():
    texels = np.zeros((2, 16, 16), np.float32)
    texels[0, :, :7] = texels[1, :, 7:] = 1
    coarse = blend_looks([prepared(0), prepared(4)], texels, (0.5, 0.5)).features[1]
    np.testing.assert_array_equal(coarse[0, 0, 0], [0, 1, 4, 4])


def test_one_look_stays_itself():
    one = prepared(1)
    assert blend_looks([one], np.ones((1, 16, 16), np.float32), (1.0,)) is one


def test_looks_of_different_engines_are_refused():
    with pytest.raises(EngineError, match="different engines"):
        blend_looks([prepared(1), prepared(2, "two")], halves(), (0.5, 0.5))
