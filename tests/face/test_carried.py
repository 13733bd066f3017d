"""Steady landmarks: what is common motion is followed at once, what is noise is averaged away."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.face.carried import CarriedFilter, Filters
from tryon.face.mesh import face_mesh
from tryon.face.one_euro import OneEuro
from tryon.face.track import TrackConfig

FPS, SIZE = 30, 220.0  # px of the face
VERTICES = np.asarray(face_mesh().vertices, np.float32)
FACE = (VERTICES - VERTICES.mean(0)) / np.ptp(VERTICES[:, :2], axis=0).mean() * SIZE


def placed(x=0.0, y=0.0, turn=0.0, scale=1.0):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, scale]], np.float32)
    return (FACE @ matrix.T + np.array([x + 480, y + 270, 0], np.float32)).astype(np.float32)


def swaying(frames=60):
    a = np.linspace(0, 2 * np.pi, frames)
    return [
        placed(90 * np.sin(t), 20 * np.sin(2 * t), 0.15 * np.sin(t), 1 + 0.1 * np.sin(t)) for t in a
    ]


def noisy(faces, sigma=0.4, seed=1):
    random = np.random.default_rng(seed)
    return [face + random.normal(0, sigma, face.shape).astype(np.float32) for face in faces]


def errors(filter_, seen, true):
    return np.array([filter_(one, 1 / FPS) - right for one, right in zip(seen, true, strict=True)])[
        10:
    ]


def spread(values):
    return float(np.sqrt(np.square(values[..., :2]).sum(-1).mean()))


def swim(values):
    return spread(np.array([b - a for a, b in pairwise(values)]))


def test_a_moving_face_swims_less_than_measured_and_hardly_lags():
    true = swaying()
    seen = noisy(true)
    after = errors(CarriedFilter(TrackConfig().filters()), seen, true)
    measured = np.array(seen)[10:] - np.array(true)[10:]
    assert swim(after) < 0.6 * swim(measured)
    assert spread(after) < spread(measured) + 0.3  # px


def test_a_face_at_rest_stands_still():
    true = [placed()] * 60
    seen = noisy(true)
    after = errors(CarriedFilter(TrackConfig().filters()), seen, true)
    assert swim(after) < 0.12 * swim(np.array(seen)[10:] - np.array(true)[10:])


def test_one_filter_over_both_would_swim_or_lag():
    true = swaying()
    seen = noisy(true)
    config = TrackConfig()
    both = CarriedFilter(config.filters())
    alone = OneEuro(config.min_cutoff, config.shape_beta, config.derivative_cutoff, inf)
    single = errors(lambda face, seconds: alone(face, seconds, SIZE), seen, true)
    assert spread(errors(both, seen, true)) < 0.7 * spread(single)


def test_the_first_landmarks_pass_unchanged_and_again_after_a_reset():
    filter_ = CarriedFilter(TrackConfig().filters())
    for face in (placed(3, 4), placed(200, -50, 1.0, 0.3)):
        out = filter_(face, 1.0)
        assert np.array_equal(out, face)
        assert out is not face
        filter_(placed(20, 0), 1 / FPS)
        filter_.reset()


def test_a_blink_is_followed():
    lids = np.zeros_like(FACE)
    lids[[159, 158, 160, 145]] = [0, 0.05 * SIZE, 0]
    filter_ = CarriedFilter(TrackConfig().filters())
    for _ in range(20):
        filter_(placed(), 1 / FPS)
    closing = [placed() + min(1.0, k / 3) * lids for k in range(1, 6)]
    for face in closing:
        out = filter_(face, 1 / FPS)
    assert np.abs(out - closing[-1]).max() < 0.2 * 0.05 * SIZE


@settings(max_examples=40, deadline=None)
@given(x=st.floats(-400, 400), y=st.floats(-400, 400), scale=st.floats(0.2, 5))
def test_filtering_a_moved_face_is_moving_the_filtered_face(x, y, scale):
    # With a place filter that is always open: the shape's alone must not know place or size.
    def open_place():
        return CarriedFilter(Filters(OneEuro(1e9, 0.0, 1.0, inf), TrackConfig().filters().shape))

    shift = np.array([x, y, 0])
    plain, moved = open_place(), open_place()
    for face in noisy([placed()] * 6):
        expected = scale * plain(face, 1 / FPS) + shift
        out = moved((scale * face + shift).astype(np.float32), 1 / FPS)
        assert out == pytest.approx(expected, abs=0.02 * max(1, scale))
