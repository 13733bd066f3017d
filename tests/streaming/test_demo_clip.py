from __future__ import annotations

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.streaming.demo_clip import LOOP, DemoClip


def test_same_index_gives_the_same_picture_and_the_loop_has_no_seam():
    clip = DemoClip(320, 180)
    first = clip.frame(5)
    assert np.array_equal(first.image, DemoClip(320, 180).frame(5).image)
    assert np.array_equal(first.image, clip.frame(5 + LOOP).image)
    step = [
        np.abs(clip.frame(i).image.astype(int) - clip.frame(i + 1).image).mean()
        for i in (10, LOOP - 1)
    ]
    assert step[1] < 2 * step[0] + 1


def test_it_moves_and_is_stamped_at_thirty_fps():
    frames = list(islice(DemoClip(320, 180).frames(), 3))
    assert [f.index for f in frames] == [0, 1, 2]
    assert [f.pts for f in frames] == [0, Fraction(1, 30), Fraction(2, 30)]
    assert not np.array_equal(frames[0].image, frames[2].image)


@pytest.mark.parametrize("size", [(1280, 720), (360, 640), (64, 64), (641, 97)])
def test_any_size_is_filled(size):
    image = DemoClip(*size).frame(40).image
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert image.std() > 20
    corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.max(1).min() > 0  # no black border


def test_close_ends_it():
    clip = DemoClip(64, 64)
    frames = clip.frames()
    next(frames)
    clip.close()
    assert list(frames) == []


def test_absurd_sizes_are_refused():
    with pytest.raises(ConfigError, match="8x8"):
        DemoClip(8, 8)
