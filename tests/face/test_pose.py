import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tryon.face.mesh import face_mesh
from tryon.face.pose import estimate_pose


def turned(yaw: float = 0, pitch: float = 0, roll: float = 0, scale: float = 20, at=(640, 360, 0)):
    """Landmarks (468, 3) px of the canonical face after pitch, yaw and roll in degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    rx = [[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]
    ry = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    rz = [[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]]
    points = face_mesh().vertices @ (np.array(rz) @ ry @ rx).T
    return (points * (scale, -scale, -scale) + at).astype(np.float32)


def test_the_nose_points_where_the_documented_signs_say():
    nose, straight = 4, turned()[4]
    assert turned(yaw=30)[nose, 0] > straight[0] + 10  # to the picture's right
    assert turned(pitch=30)[nose, 1] > straight[1] + 10  # down
    eyes = turned(roll=30)[[33, 263]]
    assert eyes[1, 1] > eyes[0, 1]  # clockwise: the picture's right eye sinks
    assert estimate_pose(turned(yaw=30)).yaw > 25
    assert estimate_pose(turned(pitch=30)).pitch > 25
    assert estimate_pose(turned(roll=30)).roll > 25


@given(
    st.floats(-85, 85),
    st.floats(-85, 85),
    st.floats(-175, 175),
    st.floats(0.5, 200),
    st.floats(-500, 5000),
)
def test_any_rotation_is_recovered(yaw, pitch, roll, scale, at):
    pose = estimate_pose(turned(yaw, pitch, roll, scale, (at, at, 0)))
    assert np.allclose((pose.yaw, pose.pitch, pose.roll), (yaw, pitch, roll), atol=0.2)


def test_an_open_mouth_does_not_turn_the_head():
    landmarks = turned(yaw=10, pitch=5)
    landmarks[face_mesh().vertices[:, 1] < -4, 1] += 60
    pose = estimate_pose(landmarks)
    assert np.allclose((pose.yaw, pose.pitch, pose.roll), (10, 5, 0), atol=0.1)


def test_irises_do_not_count():
    landmarks = np.concatenate([turned(yaw=20), np.full((10, 3), 999, np.float32)])
    assert abs(estimate_pose(landmarks).yaw - 20) < 0.1


def test_points_without_extent_give_finite_angles():
    pose = estimate_pose(np.zeros((478, 3), np.float32))
    assert np.isfinite((pose.yaw, pose.pitch, pose.roll)).all()
