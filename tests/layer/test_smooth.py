"""Smoothing in the atlas: noise is averaged away, what really changed is believed at once."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.layer.smooth import LayerSmoother, SmoothConfig
from tryon.types import MakeupLayer

SIZE, STEP = 32, 1 / 30  # texels a side; s between frames
SEEN = np.ones((SIZE, SIZE), np.float32)
BASE = np.full((SIZE, SIZE, 6), 0.5, np.float32)


def layer(affine, digest="a", index=0) -> MakeupLayer:
    return MakeupLayer(np.ascontiguousarray(affine, np.float32), index, digest)


def feed(smoother, affines, start=0.0, track=0, digest="a"):
    """Give one layer a frame; returns the last one smoothed."""
    for k, affine in enumerate(affines):
        smoothed, _ = smoother.update(track, layer(affine, digest), SEEN, start + k * STEP)
    return smoothed.affine


def noisy(count, sigma=0.03, seed=1):
    random = np.random.default_rng(seed)
    return [BASE + sigma * random.standard_normal(BASE.shape, np.float32) for _ in range(count)]


def test_noise_falls_to_less_than_half():
    smoother = LayerSmoother()
    shown = [feed(smoother, [a], k * STEP) for k, a in enumerate(noisy(60))][20:]
    flicker = np.diff(shown, axis=0).std()
    raw = np.diff(noisy(60)[20:], axis=0).std()
    assert flicker < 0.4 * raw
    assert np.std(shown - BASE) < 0.6 * 0.03
    assert abs(np.mean(shown) - 0.5) < 1e-3  # and nothing is biased


def test_a_hand_is_believed_at_once():
    smoother = LayerSmoother()
    feed(smoother, [BASE] * 10)
    covered = BASE.copy()
    covered[8:16] = (1, 1, 1, 0, 0, 0)  # the student paints nothing on a hand
    shown = feed(smoother, [covered], 10 * STEP)
    np.testing.assert_array_equal(shown[8:16], covered[8:16])
    np.testing.assert_array_equal(shown[16:], BASE[16:])


def test_a_small_change_arrives_within_the_time_constant():
    smoother = LayerSmoother(SmoothConfig(time_constant=0.12))
    feed(smoother, [BASE])
    after = BASE + 0.02
    shown = feed(smoother, [after], 0.12)
    share = (shown - BASE).mean() / 0.02
    assert 0.6 < share < 0.7  # 1 - 1/e
    assert np.abs(feed(smoother, [after] * 20, 0.12 + STEP) - after).max() < 1e-3


def test_the_frame_rate_does_not_matter():
    results = []
    for count in (3, 12):
        smoother = LayerSmoother()
        smoother.update(0, layer(BASE), SEEN, 0.0)
        for k in range(1, count + 1):
            shown, _ = smoother.update(0, layer(BASE + 0.01), SEEN, 0.2 * k / count)
        results.append(shown.affine.mean())
    assert results[0] == pytest.approx(results[1], abs=2e-4)


def test_faces_do_not_mix():
    smoother = LayerSmoother()
    other = np.zeros_like(BASE)
    for k in range(5):
        first, _ = smoother.update(1, layer(BASE), SEEN, k * STEP)
        second, _ = smoother.update(2, layer(other), SEEN, k * STEP)
    np.testing.assert_array_equal(first.affine, BASE)
    np.testing.assert_array_equal(second.affine, other)


def test_hidden_texels_keep_what_was_seen_there_last():
    smoother = LayerSmoother()
    feed(smoother, [BASE])
    hidden = SEEN.copy()
    hidden[:, 16:] = 0
    shown, _ = smoother.update(0, layer(BASE + 0.4), hidden, STEP)
    np.testing.assert_array_equal(shown.affine[:, 16:], BASE[:, 16:])
    np.testing.assert_allclose(shown.affine[:, :16], BASE[:, :16] + 0.4, atol=1e-6)


def test_another_look_starts_afresh_but_does_not_fade_in_again():
    smoother = LayerSmoother()
    feed(smoother, [BASE] * 20)
    shown, share = smoother.update(0, layer(BASE + 0.05, "b"), SEEN, 20 * STEP)
    np.testing.assert_array_equal(shown.affine, BASE + np.float32(0.05))
    assert share == 1


def test_a_new_face_fades_in_and_is_never_bare():
    smoother = LayerSmoother(SmoothConfig(appear=0.15))
    shares = [smoother.update(0, layer(BASE), SEEN, k * STEP)[1] for k in range(8)]
    assert 0 < shares[0] < 0.5
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_face_unseen_for_long_is_forgotten():
    smoother = LayerSmoother(SmoothConfig(forget=1.0))
    feed(smoother, [BASE] * 10)
    held = feed(smoother, [BASE + 0.01], 0.9)  # a blink of the detector
    assert np.abs(held - BASE).max() > 0
    feed(smoother, [BASE], 5.0, track=9)  # time goes on with another face
    shown, share = smoother.update(0, layer(BASE + 0.01), SEEN, 5.0)
    np.testing.assert_array_equal(shown.affine, BASE + np.float32(0.01))
    assert share < 1


def test_memory_does_not_grow_with_the_faces_that_pass():
    smoother = LayerSmoother()
    for track in range(500):
        smoother.update(track, layer(BASE), SEEN, float(track))
    assert len(smoother._faces) <= 2


def test_reset_forgets():
    smoother = LayerSmoother()
    feed(smoother, [BASE] * 10)
    smoother.reset()
    shown, share = smoother.update(0, layer(BASE + 0.01), SEEN, 1.0)
    np.testing.assert_array_equal(shown.affine, BASE + np.float32(0.01))
    assert share < 1


def test_a_clock_that_jumps_back_starts_afresh_and_does_not_freeze_the_fade():
    smoother = LayerSmoother()
    feed(smoother, [BASE] * 10, start=100.0)
    shown = feed(smoother, [BASE + 0.01], start=50.0)
    np.testing.assert_array_equal(shown, BASE + np.float32(0.01))
    assert smoother.update(0, layer(BASE), SEEN, 51.0)[1] == 1


def test_without_a_time_constant_every_layer_is_shown_as_it_is():
    smoother = LayerSmoother(SmoothConfig(time_constant=0.0, appear=0.0))
    for k, affine in enumerate(noisy(3)):
        shown, share = smoother.update(0, layer(affine, index=k), SEEN, k * STEP)
        np.testing.assert_array_equal(shown.affine, affine)
        assert (share, shown.frame_index) == (1, k)


def test_inputs_are_not_written_to():
    smoother = LayerSmoother()
    given = [layer(a) for a in noisy(3)]
    before = [g.affine.copy() for g in given]
    for k, item in enumerate(given):
        smoother.update(0, item, SEEN, k * STEP)
    for item, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(item.affine, copy)


@pytest.mark.parametrize("name", ["time_constant", "believed", "appear", "forget"])
@pytest.mark.parametrize("value", [-1.0, 61.0, float("nan")])
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        SmoothConfig(**{name: value})
