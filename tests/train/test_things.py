"""Things are drawn at true size in front of a face."""

import numpy as np
import pytest

from tryon.train.things import KINDS, OFTEN, Scene, draw_thing


def scene(portrait_face, portrait, seed=0) -> Scene:
    landmarks = portrait_face.landmarks[:468, :2]
    return Scene(landmarks, portrait.shape[:2], np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_covers_a_part_of_the_face(kind, portrait, portrait_face):
    x0, y0, x1, y1 = (round(v) for v in portrait_face.box)
    shares = []
    for seed in range(8):
        one = scene(portrait_face, portrait, seed)
        kind(one)
        assert 0 <= one.cover.min() <= one.cover.max() <= 1 + 1e-6
        assert np.isfinite(one.colour).all()
        assert one.colour.min() >= 0
        shares.append(one.cover[y0:y1, x0:x1].mean())
    assert 0.005 < np.mean(shares) < 0.8


def test_things_lie_one_over_the_other(portrait, portrait_face):
    one = scene(portrait_face, portrait)
    draw_thing(one)
    before = one.cover.copy()
    draw_thing(one)
    assert (one.cover >= before - 1e-6).all()


def test_every_thing_is_drawn_at_times():
    assert len(OFTEN) == len(KINDS)
    assert min(OFTEN) > 0
