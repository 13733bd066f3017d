"""Smoothing over a window: steadier than live, not late, and blind across cuts and hands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.layer.ahead import AheadConfig, Draft, smooth_window, windows
from tryon.layer.smooth import LayerSmoother
from tryon.types import Face, MakeupLayer, Pose

SIZE, STEP, SIGMA = 16, 1 / 30, 0.03  # texels a side, s between frames, noise of the layers
SEEN = np.ones((SIZE, SIZE), np.float32)
BASE = np.full((SIZE, SIZE, 6), 0.5, np.float32)
SHAPE = np.random.default_rng(3).uniform(0, 300, (478, 3)).astype(np.float32)


@dataclass(frozen=True)
class Reading:
    seconds: float
    drafts: tuple[Draft, ...]
    shot: int = 0


def draft(affine, *, face=0, x=0.0, visibility=SEEN, digest="a", share=1.0):
    found = Face(SHAPE + np.float32(x), Pose(0, 0, 0), 1.0, face)
    layer = MakeupLayer(np.ascontiguousarray(affine, np.float32), 0, digest)
    return Draft(found, layer, visibility, share)


def film(*frames, shots=None):
    """Frames, each a tuple of drafts or one draft, at 30 a second."""
    shots = shots or [0] * len(frames)
    return [
        Reading(k * STEP, f if isinstance(f, tuple) else (f,), shot)
        for k, (f, shot) in enumerate(zip(frames, shots, strict=True))
    ]


def smooth(readings, **settings):
    config = AheadConfig(**settings)
    pairs = list(windows(iter(readings), config.frames))
    assert [r for r, _ in pairs] == readings  # each once, in order
    return [smooth_window(window, config) for _, window in pairs]


def noisy(count, base=BASE, seed=1):
    random = np.random.default_rng(seed)
    return [base + SIGMA * random.standard_normal(BASE.shape, np.float32) for _ in range(count)]


def flicker(affines):
    return np.abs(np.diff(affines, axis=0)).mean()


def test_flicker_is_less_than_live_smoothing_leaves():
    layers = noisy(60)
    live = LayerSmoother()
    before = [
        live.update(0, MakeupLayer(a, 0, "a"), SEEN, k * STEP)[0].affine
        for k, a in enumerate(layers)
    ]
    after = [d[0].layer.affine for d in smooth(film(*map(draft, layers)))]
    assert flicker(after[20:-5]) < 0.7 * flicker(before[20:-5]) < 0.3 * flicker(layers)
    assert abs(np.mean(after) - 0.5) < 1e-3  # nothing is biased


def test_a_slow_change_is_not_late():
    layers = [BASE + np.float32(0.002 * k) for k in range(40)]
    after = [d[0].layer.affine.mean() for d in smooth(film(*map(draft, layers)))]
    np.testing.assert_allclose(after[5:-5], [a.mean() for a in layers][5:-5], atol=1e-5)


def test_a_hand_comes_and_goes_without_a_ghost():
    covered = BASE.copy()
    covered[4:8] = (1, 1, 1, 0, 0, 0)
    layers = [BASE] * 10 + [covered] * 3 + [BASE] * 10
    for given, (shown,) in zip(layers, smooth(film(*map(draft, layers))), strict=True):
        np.testing.assert_allclose(shown.layer.affine, given, atol=1e-6)


def test_nothing_crosses_a_cut():
    layers = [BASE] * 10 + [BASE + 0.05] * 10
    readings = film(
        *(draft(a, x=3.0 * (k >= 10)) for k, a in enumerate(layers)), shots=[0] * 10 + [1] * 10
    )
    for given, reading, (shown,) in zip(layers, readings, smooth(readings), strict=True):
        np.testing.assert_allclose(shown.layer.affine, given, atol=1e-6)
        measured = reading.drafts[0].face.landmarks
        np.testing.assert_allclose(shown.face.landmarks, measured, atol=0.01)
        assert shown.share == 1


def test_another_look_and_another_face_are_left_out():
    looks = [draft(BASE + 0.05 * (k % 2), digest="ab"[k % 2]) for k in range(12)]
    for given, (shown,) in zip(looks, smooth(film(*looks)), strict=True):
        np.testing.assert_allclose(shown.layer.affine, given.layer.affine, atol=1e-6)
    pairs = [(draft(BASE, face=1), draft(BASE + 0.05, face=2, x=400)) for _ in range(12)]
    for one, two in smooth(film(*pairs)):
        np.testing.assert_allclose(one.layer.affine, BASE, atol=1e-6)
        np.testing.assert_allclose(two.layer.affine, BASE + 0.05, atol=1e-6)
        assert (one.face.track_id, two.face.track_id) == (1, 2)


def test_hidden_texels_take_what_is_seen_there_before_and_after():
    hidden = SEEN.copy()
    hidden[:, 8:] = 0
    frames = [draft(BASE) for _ in range(11)]
    frames[5] = draft(BASE + 0.4, visibility=hidden)
    (shown,) = smooth(film(*frames))[5]
    np.testing.assert_allclose(shown.layer.affine[:, 8:], BASE[:, 8:], atol=2e-3)
    np.testing.assert_allclose(shown.layer.affine[:, :8], BASE[:, :8] + 0.4, atol=1e-6)


def test_a_face_lost_for_three_frames_is_filled_in_where_it_must_be():
    frames = [() if 9 <= k <= 11 else draft(BASE, x=2.0 * k) for k in range(20)]
    for k, drafts in enumerate(smooth(film(*frames))):
        (shown,) = drafts
        assert shown.share == 1
        np.testing.assert_allclose(shown.face.landmarks, SHAPE + 2.0 * k, atol=0.02)


def test_a_face_that_comes_or_goes_within_a_shot_fades():
    frames = [draft(BASE) if 10 <= k < 30 else () for k in range(40)]
    shares = [d[0].share if d else 0.0 for d in smooth(film(*frames))]
    assert shares[:10] == shares[30:] == [0.0] * 10
    assert 0 < shares[10] < 0.5
    assert 0 < shares[29] < 0.5
    assert np.abs(np.diff(shares)).max() < 0.4
    assert set(shares[15:25]) == {1.0}


def test_the_first_and_last_frame_of_a_film_are_made_up_in_full():
    drafts = smooth(film(*(draft(BASE) for _ in range(3))))
    assert [d[0].share for d in drafts] == [1, 1, 1]


def test_a_face_seen_in_one_frame_only_is_not_believed():
    frames = [draft(BASE) if k == 10 else () for k in range(21)]
    assert [len(d) for d in smooth(film(*frames))] == [0] * 21


def test_without_a_window_everything_passes():
    layers = noisy(4)
    for given, (shown,) in zip(layers, smooth(film(*map(draft, layers)), frames=0), strict=True):
        np.testing.assert_array_equal(shown.layer.affine, given)


def test_only_the_frames_ahead_are_held():
    held = []

    def source():
        for reading in film(*([draft(BASE)] * 30)):
            held.append(reading)
            yield reading

    results = windows(source(), 5)
    next(results)
    assert len(held) == 6


def test_inputs_are_not_written_to():
    readings = film(*map(draft, noisy(8)))
    before = [r.drafts[0].layer.affine.copy() for r in readings]
    smooth(readings)
    for reading, copy in zip(readings, before, strict=True):
        np.testing.assert_array_equal(reading.drafts[0].layer.affine, copy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("frames", -1), ("frames", 31), ("sigma", 0), ("sigma", float("nan")), ("believed", 0)],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        AheadConfig(**{name: value})
