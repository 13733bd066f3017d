"""Hands are drawn where they are put, the nearest surface in front, in the colour of skin."""

import numpy as np
import pytest

from tests.train.rig_file import write_hand
from tryon.train.hands import draw_hand, turned_hand
from tryon.train.rig import Hand, HandRig

SKIN = np.array([0.5, 0.3, 0.2], np.float32)


@pytest.fixture(scope="module")
def hand(tmp_path_factory) -> Hand:
    path = write_hand(tmp_path_factory.mktemp("rig") / "hand.glb")
    return HandRig(path).pose(np.random.default_rng(0))


def triangle(depth, nail) -> tuple[np.ndarray, np.ndarray]:
    points = np.array([[-4, -4, depth], [4, -4, depth], [0, 5, depth]], np.float32)
    return points, np.tile(np.array([0, nail, 0], np.float32), (3, 1))


@pytest.mark.parametrize("out", [0.0, np.pi / 2, -2.0])
def test_the_arm_leaves_where_it_is_told(hand, out):
    for seed in range(6):
        points, tips = turned_hand(hand, out, np.random.default_rng(seed))
        arm = points[-20:].mean(0)  # the tube's last ring; the wrist is the origin
        assert np.cos(np.arctan2(arm[1], arm[0]) - out) > 0.99
        assert np.linalg.norm(points, axis=1) == pytest.approx(
            np.linalg.norm(hand.points, axis=1), rel=1e-3
        )
        assert tips.shape == (5, 3)


def test_a_hand_lies_where_it_is_put(hand):
    rng = np.random.default_rng(1)
    points, tips = turned_hand(hand, np.pi / 2, rng)
    sprite = draw_hand(hand, points, tips[2], np.array([80.0, 60.0]), 5.0, (200, 160), SKIN, rng)
    assert sprite.cover.shape == (200, 160)
    assert sprite.colour.shape == (200, 160, 3)
    assert set(np.unique(sprite.cover)) == {0, 1}
    assert sprite.cover[52:69, 72:89].any()
    assert np.isfinite(sprite.colour).all()


def test_the_nearest_surface_is_seen():
    seen = []
    for order in (1, -1):
        parts = [triangle(0.0, 0.0), triangle(-3.0, 1.0)][::order]  # the near one is all nail
        points = np.concatenate([part[0] for part in parts])
        none = np.zeros((5, 3), np.float32)
        both = Hand(
            points,
            np.arange(6, dtype=np.int32).reshape(2, 3),
            np.concatenate([part[1] for part in parts]),
            none,
            none[0],
        )
        rng = np.random.default_rng(5)
        sprite = draw_hand(both, points, none[0], np.array([32.0, 32.0]), 5.0, (64, 64), SKIN, rng)
        seen.append(sprite.colour[32, 32])
    assert np.allclose(*seen)


def test_a_hand_has_the_colour_of_skin(hand):
    means = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        points, tips = turned_hand(hand, np.pi / 2, rng)
        at = np.array([64.0, 64.0])
        sprite = draw_hand(hand, points, tips[2], at, 5.0, (128, 128), SKIN, rng)
        if sprite.cover.any():
            means.append(np.median(sprite.colour[sprite.cover > 0], 0))
    mean = np.median(means, 0)
    assert mean.argmax() == 0
    assert mean.argmin() == 2
    assert 0.3 < mean[0] / SKIN[0] < 1.5
