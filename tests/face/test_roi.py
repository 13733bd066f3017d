from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryon.face.detector import SIZE, Detection, anchors, decode
from tryon.face.roi import Roi

REGIONS = st.builds(
    Roi,
    st.floats(-500, 5000),
    st.floats(-500, 3000),
    st.floats(1, 3000),
    st.floats(1, 3000),
    st.floats(-3.2, 3.2),
)


@given(REGIONS)
def test_crop_corners_and_centre_land_on_the_rectangle(roi):
    points = np.array([[128, 128, 1], [256, 128, 1], [128, 256, 1]]) @ roi.to_frame(256).T
    c, s = cos(roi.angle), sin(roi.angle)
    assert np.allclose(points[0], (roi.x, roi.y))
    assert np.allclose(points[1] - points[0], (c * roi.width / 2, s * roi.width / 2))
    assert np.allclose(points[2] - points[0], (-s * roi.height / 2, c * roi.height / 2))


@given(st.floats(0.1, 8), st.floats(-180, 180), st.floats(-300, 300))
def test_region_of_landmarks_follows_their_scale_and_turn(scale, degrees, shift):
    rng = np.random.default_rng(3)
    face = rng.uniform(-50, 50, (478, 3))
    face[33], face[263] = (-30, 0, 0), (30, 0, 0)
    a = radians(degrees)
    turn = np.array([[cos(a), -sin(a)], [sin(a), cos(a)]]) * scale
    face[:, :2] = face[:, :2] @ turn.T + shift
    roi = Roi.of_landmarks(face.astype(np.float32))
    extent = np.ptp(face[:, :2], axis=0).max()
    assert roi.width == pytest.approx(1.5 * extent, rel=1e-3)
    assert roi.width == roi.height
    assert abs(np.exp(1j * roi.angle) - np.exp(1j * a)) < 1e-3


def test_a_crop_of_the_whole_frame_is_letterboxed_black():
    image = np.full((60, 120, 3), 200, np.uint8)
    out = np.zeros((128, 128, 3), np.uint8)
    Roi.of_frame(120, 60).crop(image, out, replicate=False)
    assert (out[:30] == 0).all()
    assert (out[-30:] == 0).all()
    assert (out[40:88, 4:-4] == 200).all()


def test_a_crop_beyond_the_border_repeats_the_edge():
    image = np.full((64, 64, 3), 90, np.uint8)
    out = np.zeros((256, 256, 3), np.uint8)
    Roi(0, 0, 100, 100, 0.4).crop(image, out, replicate=True)
    assert (out == 90).all()


def test_iou():
    roi = Roi(10, 10, 10, 10)
    assert roi.iou(roi) == 1
    assert roi.iou(Roi(15, 10, 10, 10)) == pytest.approx(1 / 3)
    assert roi.iou(Roi(40, 10, 10, 10)) == 0


def test_regions_without_size_are_unusable():
    assert Roi(5, 5, 10, 10).usable
    assert not Roi(5, 5, 0.5, 10).usable
    assert not Roi(float("nan"), 5, 10, 10).usable


def test_detection_region_is_level_with_the_eyes_and_larger_than_the_box():
    keypoints = np.array([[40.0, 40], [60, 60], [0, 0], [0, 0], [0, 0], [0, 0]])
    roi = Roi.of_detection(Detection(1.0, np.array([[30.0, 30], [70, 80]]), keypoints))
    assert (roi.x, roi.y, roi.width, roi.height) == (50, 55, 60, 75)
    assert roi.angle == pytest.approx(radians(45))


def raw_tensors(*boxes):
    """Raw detector tensors with one box (anchor, offset x, offset y, size, logit) each."""
    regressors, logits = np.zeros((896, 16), np.float32), np.full(896, -90, np.float32)
    for anchor, dx, dy, size, logit in boxes:
        regressors[anchor, :4] = dx, dy, size, size
        regressors[anchor, 4:] = np.tile((dx, dy), 6)
        logits[anchor] = logit
    return regressors, logits


def test_anchors_cover_the_input_evenly():
    assert anchors().shape == (896, 2)
    assert np.allclose(anchors().mean(0), SIZE / 2)
    assert np.allclose(anchors()[0], 4)
    assert np.allclose(anchors()[512], 8)


def test_decoding_places_a_box_at_its_anchor():
    (found,) = decode(*raw_tensors((512, 3, 5, 20, 2.0)), min_score=0.5)
    assert np.allclose(found.box, [[1, 3], [21, 23]])
    assert np.allclose(found.keypoints, [11, 13])
    assert found.score == pytest.approx(1 / (1 + np.exp(-2)))


def test_boxes_of_one_face_are_averaged_by_score_and_others_stay():
    tensors = raw_tensors((0, 0, 0, 40, 3.0), (1, 4, 0, 40, 1.0), (511, 0, 0, 30, 2.0))
    first, second = decode(*tensors, min_score=0.5)
    a, b = 1 / (1 + np.exp(-3.0)), 1 / (1 + np.exp(-1.0))
    assert np.allclose(first.box.mean(0), (4 + 4 * b / (a + b), 4))
    assert np.allclose(second.box.mean(0), anchors()[511])


def test_no_box_above_the_threshold_is_no_face():
    assert decode(*raw_tensors((7, 0, 0, 40, -1.0)), min_score=0.5) == []


def test_wild_tensors_do_not_crash():
    regressors, logits = raw_tensors()
    logits[:5] = 1e9
    regressors[:5] = np.array([[1e30], [-1e30], [np.inf], [np.nan], [0]])
    with np.errstate(all="ignore"):
        decode(regressors, logits, 0.5)
