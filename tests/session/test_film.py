"""A session over a whole film: every frame, steadier than live, and nothing across a cut."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.conftest import difference, frames, mesh_pixels
from tryon import Frame
from tryon.errors import ImageError, SessionClosedError
from tryon.layer.ahead import AheadConfig
from tryon.streaming.prefetch import prefetched


def film(*images):
    return [Frame(image, k, Fraction(k, 30)) for k, image in enumerate(images)]


def made_up(session, pictures):
    return [result.image for _, result in session.process_all(pictures)]


def test_every_frame_comes_back_once_in_order_with_its_own_picture(live_session, scene):
    clip = film(*(scene(600 + 10 * k, 360, 250) for k in range(14)))
    pairs = list(live_session.process_all(clip))
    assert [frame for frame, _ in pairs] == clip
    for frame, result in pairs:
        outside = ~mesh_pixels(frame.image, *result.faces)
        outside &= ~np.roll(~outside, 2, 0) & ~np.roll(~outside, -2, 0)  # steadied by a pixel
        outside &= ~np.roll(~outside, 2, 1) & ~np.roll(~outside, -2, 1)
        np.testing.assert_array_equal(result.image[outside], frame.image[outside])
        assert difference(result.image, frame.image).mean() > 0.2
        assert result.timings.smooth > 0
        assert result.timings.total < 60_000


def test_the_first_frame_is_made_up_as_much_as_the_last(live_session, portrait):
    images = made_up(live_session, frames(portrait, 8))
    changes = [difference(image, portrait).mean() for image in images]
    assert changes[0] == pytest.approx(changes[-1], rel=0.05)


def test_noise_flickers_less_than_without_the_window(live_session, portrait, monkeypatch):
    import cv2

    random = np.random.default_rng(2)
    noisy = film(
        *(
            np.clip(portrait + random.normal(0, 6, portrait.shape), 0, 255).astype(np.uint8)
            for _ in range(20)
        )
    )

    def flicker(images):
        # Blurred: makeup scales the camera's noise, pixel by pixel, and that is right.
        makeup = [
            cv2.blur(i.astype(np.float32) - f.image, (9, 9))
            for i, f in zip(images, noisy, strict=True)
        ]
        return np.abs(np.diff(makeup[6:-6], axis=0)).mean()

    ahead = flicker(made_up(live_session, noisy))
    alone = replace(live_session.config, ahead=AheadConfig(frames=0))
    monkeypatch.setattr(live_session, "config", alone)
    assert ahead < 0.9 * flicker(made_up(live_session, noisy))


def test_shots_do_not_touch_each_other(live_session, portrait, scene):
    """Two halves with a cut between give what each gives alone."""
    import cv2

    one = [portrait] * 8
    other = [cv2.bitwise_not(cv2.resize(scene(), (512, 512))) // 3 + 60] * 3
    other += [255 - 0 * portrait] * 5  # white: no face at all
    whole = made_up(live_session, film(*one, *other))
    alone = made_up(live_session, film(*one))
    for a, b in zip(whole, alone, strict=False):
        np.testing.assert_array_equal(a, b)


def test_a_film_without_a_face_keeps_its_very_pictures(live_session, wall):
    clip = film(*[wall] * 8)
    for frame, result in live_session.process_all(clip):
        assert result.image is frame.image
        assert result.timings.composite == 0


def test_intensity_0_keeps_the_very_pictures(live_session, portrait):
    live_session.set_intensity("all", 0)
    assert all(image is portrait for image in made_up(live_session, frames(portrait, 7)))


def test_equal_films_give_equal_pictures(live_session, scene):
    clip = film(*(scene(600 + 8 * k, 360, 250, k) for k in range(8)))
    for a, b in zip(made_up(live_session, clip), made_up(live_session, clip), strict=True):
        np.testing.assert_array_equal(a, b)


def test_faces_found_ahead_on_another_thread_give_the_same_film(live_session, scene, portrait):
    pictures = film(*(scene(600 + 6 * k, 360, 250) for k in range(5)), *[portrait] * 3)
    whole = made_up(live_session, iter(pictures))
    with prefetched(live_session.parse_all(iter(pictures))) as parsed:
        halves = [result.image for _, result in live_session.wear_all(parsed)]
    assert len(whole) == len(halves) == len(pictures)
    for a, b in zip(whole, halves, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_session_may_turn_to_other_work_after_a_film_left_early(live_session, portrait):
    results = live_session.process_all(frames(portrait, 20))
    next(results)
    results.close()
    live_session.reset()
    assert len(live_session.process(portrait).faces) == 1


def test_what_is_no_frame_is_refused(live_session, portrait):
    clip = frames(portrait, 8)
    clip[6] = replace(clip[6], image=portrait.astype(np.float32))
    with pytest.raises(ImageError, match="RGB"):
        made_up(live_session, clip)


def test_a_closed_session_makes_no_film(portrait):
    from tryon import SessionConfig, TryOnSession

    session = TryOnSession(config=SessionConfig(threads=1))
    session.close()
    with pytest.raises(SessionClosedError):
        made_up(session, frames(portrait, 2))
