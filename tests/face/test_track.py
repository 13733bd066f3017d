from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.errors import ConfigError
from tryon.face.mesh import face_mesh
from tryon.face.one_euro import OneEuro
from tryon.face.pose import estimate_pose
from tryon.face.track import FaceTracker, TrackConfig
from tryon.types import Face, Pose

SIZE = 300.0  # px


def face_at(x=640.0, y=360.0, size=SIZE):
    """A frontal canonical face, landmark box `size` px on average."""
    vertices = face_mesh().vertices
    scale = size / np.ptp(vertices[:, :2], axis=0).mean()
    points = (vertices - vertices.mean(0)) * (scale, -scale, -scale) + (x, y, 0)
    landmarks = np.concatenate([points, points[:10]]).astype(np.float32)
    return Face(landmarks, estimate_pose(landmarks), 0.9)


def moved(face, offset):
    return replace(face, landmarks=(face.landmarks + np.float32(offset)).astype(np.float32))


def test_ids_stay_with_moving_faces_whatever_their_order():
    tracker = FaceTracker()
    for i in range(20):
        faces = [face_at(300 + 10 * i), face_at(1000 - 10 * i, 500)]
        out = tracker.update(tuple(faces[:: (-1) ** i]), i / 30)
        assert [face.track_id for face in out] == [0, 1]
        assert abs(out[0].landmarks[:, 0].mean() - (300 + 10 * i)) < 5


def test_four_faces_keep_their_ids():
    tracker = FaceTracker()
    rng = np.random.default_rng(0)
    places = [(200, 200), (600, 200), (200, 600), (600, 600)]
    first = tracker.update(tuple(face_at(x, y, 200) for x, y in places), 0.0)
    names = {face.track_id: face.landmarks[:, :2].mean(0) for face in first}
    for i in range(1, 10):
        order = rng.permutation(4)
        out = tracker.update(tuple(face_at(*places[j], 200) for j in order), i / 30)
        for face in out:
            assert np.abs(face.landmarks[:, :2].mean(0) - names[face.track_id]).max() < 2


def test_a_face_lost_for_a_few_frames_keeps_its_id():
    tracker = FaceTracker()
    (first,) = tracker.update((face_at(),), 0.0)
    for i in range(1, 10):
        assert tracker.update((), i / 30) == ()  # and it is not invented
    (again,) = tracker.update((face_at(660),), 10 / 30)
    assert again.track_id == first.track_id


def test_a_face_lost_for_long_is_a_new_one():
    tracker = FaceTracker()
    (first,) = tracker.update((face_at(),), 0.0)
    tracker.update((), 2.1)
    (again,) = tracker.update((face_at(),), 2.2)
    assert again.track_id != first.track_id


@pytest.mark.parametrize("frames", [16, 30, 90])  # to pass each other
@pytest.mark.parametrize("sizes", [(300, 300), (340, 260)])
@pytest.mark.parametrize("hidden", [0.0, 0.5, 1.0])  # face widths apart at which one is hidden
def test_ids_follow_through_a_crossing(frames, sizes, hidden):
    """Two faces pass each other; near each other only the one in front is seen."""
    tracker = FaceTracker()
    rng = np.random.default_rng(frames)
    for i in range(frames + 1):
        x = 300 + 900 * i / frames
        front, back = face_at(x, 360, sizes[0]), face_at(1500 - x, 380, sizes[1])
        seen = [front] if abs(2 * x - 1500) < hidden * 300 else [front, back]
        shaken = [moved(f, rng.normal(0, 1, (478, 3))) for f in seen][:: (-1) ** i]
        out = {f.track_id: f.landmarks[:, 0].mean() for f in tracker.update(tuple(shaken), i / 30)}
        if i == 0:
            front_id, back_id = (0, 1)
        wanted = {front_id: x} if len(seen) == 1 else {front_id: x, back_id: 1500 - x}
        assert set(out) == set(wanted)
        assert all(abs(out[name] - wanted[name]) < 25 for name in wanted)


def test_a_newcomer_far_from_a_lost_face_is_somebody_else():
    tracker = FaceTracker()
    for i in range(10):
        tracker.update((face_at(200, size=150),), i / 30)
    for i in range(10, 25):
        tracker.update((), i / 30)
    (other,) = tracker.update((face_at(1000, size=150),), 25 / 30)
    assert other.track_id == 1


def test_a_slow_camera_does_not_lose_the_id():
    tracker = FaceTracker()
    assert {tracker.update((face_at(),), 2.0 * i)[0].track_id for i in range(5)} == {0}


def test_a_face_elsewhere_is_another_face():
    tracker = FaceTracker()
    tracker.update((face_at(200),), 0.0)
    (other,) = tracker.update((face_at(900),), 1 / 30)
    assert other.track_id == 1


def test_ids_are_not_given_twice_after_a_reset():
    tracker = FaceTracker()
    tracker.update((face_at(),), 0.0)
    tracker.reset()
    (face,) = tracker.update((face_at(),), 0.1)
    assert face.track_id == 1


def shaken(frames=120, noise=0.0036, seed=0):
    """A still face with the jitter measured on MediaPipe: 0.47 px for a face 130 px wide."""
    rng = np.random.default_rng(seed)
    still = face_at()
    return [moved(still, rng.normal(0, noise * SIZE / 1.25, (478, 3))) for _ in range(frames)]


def test_jitter_of_a_still_face_falls_at_least_five_times():
    tracker, faces = FaceTracker(), shaken()
    raw = np.stack([face.landmarks[:, :2] for face in faces])
    steady = [tracker.update((face,), i / 30)[0].landmarks[:, :2] for i, face in enumerate(faces)]
    step = [
        np.linalg.norm(np.diff(x[30:], axis=0), axis=-1).mean() for x in (raw, np.stack(steady))
    ]
    assert step[0] / step[1] > 5


@pytest.mark.parametrize(
    ("amplitude", "hertz"), [(0.5, 0.5), (0.5, 1.0), (0.5, 2.0), (0.2, 3.0), (0.05, 1.0)]
)
def test_motion_lags_by_less_than_a_hundredth_of_the_face(amplitude, hertz):
    tracker, face, lag = FaceTracker(), face_at(), []
    for i in range(90):
        x = amplitude * SIZE * np.sin(2 * np.pi * hertz * i / 30)
        (out,) = tracker.update((moved(face, (x, 0, 0)),), i / 30)
        lag.append(np.abs(out.landmarks[:, 0] - face.landmarks[:, 0] - x).mean())
    assert max(lag[10:]) < 0.01 * SIZE


@pytest.mark.parametrize("rate", [15, 60, 120])
def test_jitter_falls_at_every_frame_rate(rate):
    tracker, faces = FaceTracker(), shaken(6 * rate)
    steady = [tracker.update((f,), i / rate)[0].landmarks for i, f in enumerate(faces)]
    raw = [face.landmarks for face in faces]
    step = [np.diff(np.stack(x)[rate:, :, :2], axis=0).std() for x in (raw, steady)]
    assert step[0] / step[1] > 2.5


def test_a_jump_passes_at_once():
    tracker, face = FaceTracker(), face_at()
    for i in range(30):
        tracker.update((face,), i / 30)
    far = moved(face, (0.6 * SIZE, 0, 0))
    (out,) = tracker.update((far,), 1.0)
    assert out.track_id == 0
    assert np.array_equal(out.landmarks, far.landmarks)


@pytest.mark.parametrize("seconds", [1.0, 0.5, -3.0, float("nan")])
def test_time_that_does_not_advance_starts_smoothing_afresh(seconds):
    tracker = FaceTracker()
    tracker.update((face_at(),), 1.0)
    face = moved(face_at(), (3, 0, 0))
    (out,) = tracker.update((face,), seconds)
    assert np.array_equal(out.landmarks, face.landmarks)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_broken_landmarks_are_dropped_and_the_rest_goes_on(bad):
    tracker, good = FaceTracker(), face_at()
    tracker.update((good,), 0.0)
    broken = face_at(900)
    broken.landmarks[5, 1] = bad
    (out,) = tracker.update((broken, good), 1 / 30)
    assert out.track_id == 0
    assert np.isfinite(out.landmarks).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.floats()), max_size=8))
def test_no_input_gives_infinite_landmarks(steps):
    tracker, seconds = FaceTracker(), 0.0
    for x, size, dt in steps:
        seconds += dt
        for face in tracker.update((face_at(x, 100.0, size),), seconds):
            assert np.isfinite(face.landmarks).all()


def test_pose_belongs_to_the_steady_landmarks_and_confidence_stays():
    tracker = FaceTracker()
    wrong = replace(face_at(), pose=Pose(77, 77, 77))
    (out,) = tracker.update((wrong,), 0.0)
    assert abs(out.pose.yaw) < 1
    assert out.confidence == 0.9


def test_the_input_is_not_written_to():
    tracker, faces = FaceTracker(), shaken(5)
    copies = [face.landmarks.copy() for face in faces]
    for i, face in enumerate(faces):
        tracker.update((face,), i / 30)
    assert all(np.array_equal(f.landmarks, c) for f, c in zip(faces, copies, strict=True))


def test_smoothing_can_be_switched_off():
    tracker, faces = FaceTracker(TrackConfig(smooth=False)), shaken(5)
    for i, face in enumerate(faces):
        (out,) = tracker.update((face,), i / 30)
        assert out.landmarks is face.landmarks
        assert out.track_id == 0


@pytest.mark.parametrize(
    "setting",
    [{"min_cutoff": 0.0}, {"beta": -1.0}, {"jump": float("nan")}, {"keep_seconds": float("inf")}],
)
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        TrackConfig(**setting)


def test_one_euro_matches_the_published_recurrence_for_a_single_coordinate():
    one = OneEuro(1.0, 0.5, 1.0, still_step=float("inf"))
    samples, dt = [0.0, 1.0, 3.0, 2.0], 0.1
    value = speed = 0.0
    for previous, x in zip([0.0, *samples], samples, strict=False):
        alpha = 1 / (1 + 1 / (2 * np.pi * 1.0 * dt))
        speed += alpha * ((x - previous) / dt - speed)
        follow = 1 / (1 + 1 / (2 * np.pi * (1.0 + 0.5 * abs(speed)) * dt))
        value += follow * (x - value)
        got = one(np.array([[x, 0.0]], np.float32), dt, 1.0)
        assert got[0, 0] == pytest.approx(value, abs=1e-5)
