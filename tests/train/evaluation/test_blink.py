"""The drawn blink covers the eye, knows what is left of it, and touches nothing else."""

import numpy as np
import pytest

from tests.conftest import difference
from tryon.face import landmarks as lm
from tryon.train.evaluation.blink import blink
from tryon.train.evaluation.masks import eye_pixels


@pytest.fixture(scope="module")
def close_up(scene):
    from tests.conftest import parse_still

    image = scene(400, 400, 520, size=(800, 800))
    return image, parse_still(image)


def test_open_eyes_change_nothing_and_all_of_them_is_eye(close_up):
    image, face = close_up
    out, eyes = blink(image, face, 0.0)
    assert difference(out, image).max() == 0
    for eye in lm.EYES:
        x, y = face.landmarks[eye.iris, :2].astype(int)
        assert eyes[y, x]


def test_less_and_less_of_the_eye_is_left(close_up):
    image, face = close_up
    left = [blink(image, face, shut)[1].sum() for shut in (0.0, 0.3, 0.6, 1.0)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 300
    assert left[-1] == 0


def test_lids_are_drawn_over_the_eyes_only(close_up):
    image, face = close_up
    out, eyes = blink(image, face, 0.6)
    changed = difference(out, image).max(-1) > 0
    assert changed.sum() > 200
    assert not (changed & eyes).any()
    around = np.zeros_like(changed)
    for eye in lm.EYES:
        points = face.landmarks[list(eye.opening), :2]
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        around[int(y0) - 3 : int(y1) + 4, int(x0) - 3 : int(x1) + 4] = True
    assert not (changed & ~around).any()


def test_a_shut_eye_is_skin(close_up):
    image, face = close_up
    opening = eye_pixels(image.shape, face, 3.0)
    lid = blink(image, face, 1.0)[0][opening].astype(float)
    skin = image[int(face.landmarks[50, 1]), int(face.landmarks[50, 0])].astype(float)
    before = image[opening].astype(float)
    assert np.abs(lid.mean(0) - skin).mean() < np.abs(before.mean(0) - skin).mean()
