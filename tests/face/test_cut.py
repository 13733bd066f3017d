"""Shots of a film: cuts are seen, motion and light are not taken for cuts."""

from __future__ import annotations

import numpy as np

from tryon.face.cut import ShotCounter


def shots(images):
    count = ShotCounter()
    return [count(image) for image in images]


def test_a_cut_between_two_scenes_begins_a_shot(portrait, wall):
    import cv2

    other = cv2.resize(wall, (512, 512))
    assert shots([portrait, portrait, other, other, portrait]) == [0, 0, 1, 1, 2]


def test_a_moving_turning_face_is_one_shot(scene):
    images = [scene(200 + 90 * k, 360, 250 + 10 * k, 3 * k) for k in range(10)]
    assert set(shots(images)) == {0}


def test_noise_and_a_fade_of_the_light_are_no_cuts(portrait):
    random = np.random.default_rng(1)
    images = [
        np.clip(portrait * (1 - 0.08 * k) + random.normal(0, 12, portrait.shape), 0, 255)
        for k in range(10)
    ]
    assert set(shots([i.astype(np.uint8) for i in images])) == {0}


def test_a_change_of_size_alone_is_no_cut(portrait):
    assert shots([portrait, portrait[::2, ::2], portrait]) == [0, 0, 0]


def test_views_with_gaps_and_tiny_pictures_work(portrait):
    assert shots([portrait[:, ::-1], portrait[:64, :64], portrait[:1, :1]])[0] == 0
