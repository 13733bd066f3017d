"""Flicker is what is left when motion is taken out."""

import cv2
import numpy as np
import pytest

from tryon.train.evaluation.flicker import FlickerMeter, flicker_floor

SIDE = 160


@pytest.fixture(scope="module")
def scene():
    noise = np.random.default_rng(1).normal(0, 1, (SIDE + 60, SIDE + 60, 3)).astype(np.float32)
    return np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 3), 20, 235).astype(np.uint8)


@pytest.fixture
def mask():
    inside = np.zeros((SIDE, SIDE), bool)
    inside[30:130, 30:130] = True
    return inside


def view(scene, shift):
    return np.ascontiguousarray(scene[shift : shift + SIDE, 2 * shift : 2 * shift + SIDE])


def film(scene, mask, paint, count=8):
    """Changes of a panned film on which `paint(frame, index)` is put."""
    meter = FlickerMeter()
    frames = [view(scene, index) for index in range(count)]
    return [meter(frame, paint(frame, index), mask) for index, frame in enumerate(frames)]


def test_the_first_frame_has_nothing_to_compare_with(scene, mask):
    changes = film(scene, mask, lambda frame, index: frame)
    assert changes[0] is None
    assert None not in changes[1:]


def test_motion_is_no_flicker_and_paint_that_moves_along_adds_none(scene, mask):
    changes = film(scene, mask, lambda frame, index: frame // 2)[1:]
    assert max(change.bare for change in changes) < 1.0  # unwarped: about 20 levels
    assert all(0.4 < change.worn / change.bare < 1.3 for change in changes)


def test_paint_that_blinks_is_measured_at_its_strength(scene, mask):
    changes = film(scene, mask, lambda frame, index: frame + np.uint8(10 * (index % 2)))[1:]
    for change in changes:
        assert change.layer == pytest.approx(10, abs=0.2)
        assert change.worn == pytest.approx(10, abs=1.0)
        assert change.bare < 1


def test_what_happens_outside_the_mask_does_not_count(scene, mask):
    def paint(frame, index):
        out = frame + np.uint8(10 * (index % 2))
        out[25:135, 25:135] = frame[25:135, 25:135]
        return out

    assert all(change.layer < 0.2 for change in film(scene, mask, paint)[1:])


def test_a_cut_can_be_told_and_an_empty_mask_compares_nothing(scene, mask):
    meter = FlickerMeter()
    meter(view(scene, 0), view(scene, 0), mask)
    meter.restart()
    assert meter(view(scene, 20), view(scene, 20), mask) is None
    assert meter(view(scene, 20), view(scene, 20), ~mask & mask) is None


def test_the_floor_is_one_without_makeup_and_grows_with_contrast(scene, mask):
    frame = view(scene, 0)
    assert flicker_floor(frame, frame, mask, 5) == 1
    lined = frame.copy()
    lined[60:100:4] = 0
    assert flicker_floor(frame, lined, mask, 5) > 1.2
