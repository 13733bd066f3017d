"""Films through the live session: what is measured on the built-in clip, and on no face at all."""

from itertools import islice

import numpy as np
import pytest

from tests.conftest import frames
from tryon.streaming.demo_clip import DemoClip
from tryon.train.evaluation.video import FADE_IN, SHOWN, clips_in, wear_clip, wear_still


@pytest.fixture(scope="module")
def film():
    return list(islice(DemoClip(640, 360).frames(), FADE_IN + 6))


def test_a_clip_is_measured_frame_by_frame(film, live_session):
    clip = wear_clip("demo", film, live_session)
    assert (clip.frames, clip.faces) == (FADE_IN + 6,) * 2
    assert len(clip.series) == 6  # without the frames in which makeup fades in
    assert clip.flicker == pytest.approx(
        np.mean([c.worn for c in clip.series]) / np.mean([c.bare for c in clip.series])
    )
    assert 0.5 < clip.flicker < 3
    assert 0 < clip.layer_flicker < 1
    assert clip.eye_paint == 0
    assert len(clip.shown) == SHOWN


def test_a_film_without_makeup_is_the_untouched_film(film, live_session):
    live_session.set_look(None)
    clip = wear_clip("bare", film, live_session)
    assert clip.flicker == 1
    assert np.isnan(clip.layer_flicker)
    assert clip.eye_paint == 0


def test_a_film_without_a_face_is_counted_but_not_measured(wall, live_session):
    clip = wear_clip("wall", frames(wall, 3), live_session)
    assert (clip.frames, clip.faces) == (3, 0)
    assert np.isnan([clip.flicker, clip.layer_flicker, clip.eye_paint]).all()


def test_a_blink_is_worn_and_forgotten(live_session):
    still = wear_still(live_session)
    assert 0 <= still.eye_paint < 10
    assert 0 < still.ghost < 3
    assert 0.8 < still.floor < 2


def test_videos_are_found_by_their_names(tmp_path):
    for name in ("b.mp4", "a.MOV", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in clips_in(tmp_path)] == ["a.MOV", "b.mp4"]
