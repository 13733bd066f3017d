"""A session paints a face, and not what is in front of it; what was hidden comes back slowly."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.session.config import SessionConfig
from tryon.session.covers import Covers, OcclusionConfig, open_covers
from tryon.session.session import TryOnSession
from tryon.train.evaluation.occluders import OCCLUDERS

TEXTURE = np.ones((256, 256, 4), np.float32)


def paint_on(image: np.ndarray, mask: np.ndarray, look, on: bool) -> float:
    """Mean change under a mask, in levels."""
    config = SessionConfig(stills=True, threads=1, occlusion=OcclusionConfig(on=on))
    with TryOnSession(look, config) as session:
        worn = session.process(image).image
    return float(np.abs(worn.astype(int) - image).mean(-1)[mask].mean())


@pytest.mark.parametrize("thing", ["cup", "microphone", "fingers"])
def test_less_paint_lies_on_a_thing_than_without_the_network(portrait, portrait_face, look, thing):
    covered = OCCLUDERS[thing](portrait, portrait_face)
    on, off = (paint_on(covered.image, covered.mask, look, value) for value in (True, False))
    assert on < 0.5 * off


def test_a_bare_face_is_painted_as_without_the_network(portrait, look):
    everywhere = np.ones(portrait.shape[:2], bool)
    on, off = (paint_on(portrait, everywhere, look, value) for value in (True, False))
    assert on > 0.99 * off


def test_its_time_is_its_own(portrait, look):
    for on in (True, False):
        config = SessionConfig(stills=True, threads=1, occlusion=OcclusionConfig(on=on))
        with TryOnSession(look, config) as session:
            timings = session.process(portrait).timings
        assert timings.student > 0.1
        assert (timings.cover > 0.1) == on  # ms


class Script:
    """Says what it is told: 1 free, 0 covered."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)

    def __call__(self, texture: np.ndarray) -> np.ndarray:
        return np.full((128, 128), self.shares.pop(0), np.float32)


def test_a_hand_is_believed_at_once_and_forgotten_slowly():
    one = Covers(Script(1, 0, 1, 1, 1), linger=0.1)
    found = [one.free(7, TEXTURE, time) for time in (0.0, 0.1, 0.2, 0.3, 2.0)]
    assert found[0] is found[4] is None
    assert [free.shape for free in found[1:4]] == [(256, 256)] * 3
    levels = [free.mean() for free in found[1:4]]
    assert levels == pytest.approx([0, 1 - np.exp(-1), 1 - np.exp(-2)], abs=1e-3)


def test_without_a_linger_each_frame_is_taken_for_itself():
    one = Covers(Script(0, 1), linger=0)
    assert one.free(7, TEXTURE, 0.0) is not None
    assert one.free(7, TEXTURE, 0.01) is None


def test_faces_are_remembered_apart_and_forgotten_on_reset():
    one = Covers(Script(0, 1, 1), linger=0.1)
    assert one.free(1, TEXTURE, 0.0) is not None
    assert one.free(2, TEXTURE, 0.01) is None
    one.reset()
    assert one.free(1, TEXTURE, 0.02) is None


def test_a_clock_that_jumps_back_brings_no_ghost():
    one = Covers(Script(0, 1), linger=0.1)
    one.free(1, TEXTURE, 5.0)
    assert one.free(1, TEXTURE, 1.0) is None


def test_nothing_is_loaded_where_it_is_off():
    assert open_covers(OcclusionConfig(on=False), 1) is None


def test_a_time_out_of_range_is_refused():
    with pytest.raises(ConfigError, match="linger"):
        OcclusionConfig(linger=-1)
