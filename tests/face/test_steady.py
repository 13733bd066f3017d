"""Steady landmarks of a film: less noise than measured, and no delay."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.face.steady import steady

RANDOM = np.random.default_rng(3)
SHAPE = RANDOM.uniform(0, 300, (478, 3)).astype(np.float32)  # px; a face 300 px wide
TIMES = np.arange(11) / 30
NOW = 5


def cloud(motion, noise=0.0):
    """The shape moved by `motion(seconds)` px, measured with noise at each moment."""
    random = np.random.default_rng(7)
    return [
        (SHAPE + motion(t) + noise * random.standard_normal(SHAPE.shape)).astype(np.float32)
        for t in TIMES
    ]


def error(points, truth):
    return float(np.sqrt(np.square(points - truth).mean()))


@pytest.mark.parametrize(
    "motion",
    [lambda t: 0 * t, lambda t: 600 * t, lambda t: 3000 * (t - 0.17) ** 2],
    ids=["still", "steady", "turning round"],
)
def test_noise_falls_to_less_than_half_and_nothing_is_late(motion):
    points = cloud(motion, noise=0.5)
    truth = SHAPE + np.float32(motion(TIMES[NOW]))
    assert error(steady(points, TIMES, NOW), truth) < 0.5 * error(points[NOW], truth)


def test_uneven_times_are_minded():
    times = np.array([0, 0.01, 0.1, 0.12, 0.2, 0.22, 0.5])
    points = [(SHAPE + np.float32(500 * t * t)) for t in times]
    np.testing.assert_allclose(steady(points, times, 3), points[3], atol=0.05)


def test_a_blink_stays_as_measured_and_the_rest_is_smoothed():
    points = cloud(lambda t: 0, noise=0.3)
    lids = np.arange(478) < 20
    points[NOW] = points[NOW] + np.where(lids, np.float32(12), np.float32(0))[:, None]
    shown = steady(points, TIMES, NOW)
    assert np.abs(shown - points[NOW])[lids].max() < 0.5
    assert error(shown[~lids], SHAPE[~lids]) < 0.6 * error(points[NOW][~lids], SHAPE[~lids])


@pytest.mark.parametrize("now", [0, 10])
def test_the_ends_of_a_shot_are_not_late_either(now):
    points = cloud(lambda t: 600 * t)
    np.testing.assert_allclose(steady(points, TIMES, now), points[now], atol=0.05)


def test_too_few_moments_are_left_alone():
    points = cloud(lambda t: 0, noise=1.0)[:4]
    assert steady(points, TIMES[:4], 1) is points[1]
