"""Light and cameras change a picture and leave what covers it where it is."""

import numpy as np

from tryon.train.camera import as_filmed, lamps, square

LANDMARKS = np.array([[10.0, 10.0], [50.0, 60.0]], np.float32)


def test_squares_are_nearly_linear_light():
    assert square(np.array([0, 255], np.uint8)).tolist() == [0, 1]
    assert (np.diff(square(np.arange(256).astype(np.uint8))) > 0).all()


def test_lamps_leave_black_black_and_light_positive():
    picture = np.full((64, 64, 3), 0.3, np.float32)
    picture[:8] = 0
    for seed in range(20):
        lit = lamps(picture, LANDMARKS, np.random.default_rng(seed))
        assert not lit[:8].any()
        assert lit[8:].min() > 0


def test_what_covers_stays_where_it_is():
    picture = np.full((64, 64, 3), 0.04, np.float32)
    picture[20:44, 20:44] = 0.6
    cover = (picture[..., 0] > 0.5).astype(np.float32)
    for seed in range(20):
        image, small = as_filmed(picture, cover, 0.5, np.random.default_rng(seed))
        assert image.shape == (32, 32, 3)
        assert image.dtype == np.uint8
        assert small.shape == (32, 32)
        light = image.mean(-1)
        assert light[small > 0.95].mean() > light[small < 0.05].mean() + 20
