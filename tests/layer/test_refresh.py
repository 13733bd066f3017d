"""How often the student runs: always where time allows, and at once where the face changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.face import landmarks as lm
from tryon.layer.ahead import Draft
from tryon.layer.refresh import STUDENT, LayerRefresh, RefreshConfig, strayed
from tryon.types import Face, MakeupLayer, Pose, StageTimings

IMAGE = np.full((400, 400, 3), 120, np.uint8)
SEEN = np.ones((4, 4), np.float32)


def face(name: int = 0) -> Face:
    landmarks = np.random.default_rng(3).uniform(100, 300, (478, 3)).astype(np.float32)
    return Face(landmarks, Pose(0.0, 0.0, 0.0), 1.0, track_id=name)


def moved(one: Face, angle=0.0, zoom=1.0, shift=(0.0, 0.0)) -> Face:
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = one.landmarks.copy()
    landmarks[:, :2] = (landmarks[:, :2] - 200) @ turn.T + 200 + shift
    return replace(one, landmarks=landmarks)


class Stream:
    """Frames that take as long as told; remembers who was made anew in each."""

    def __init__(self, student: float, others: float, **settings) -> None:
        self.refresh = LayerRefresh(RefreshConfig(**settings))
        self.student, self.others = student, others
        self.worn: list[tuple[Face, str]] = [(face(), "a")]
        self.image, self.covered = IMAGE, False
        self.runs: list[list[int]] = []

    def play(self, frames: int) -> list[list[int]]:
        for index in range(frames):
            waiting = self.refresh.waiting(self.image, self.worn)
            due = [(one, look) for one, look in self.worn if one.track_id not in waiting]
            layers = [MakeupLayer(np.zeros((4, 4, 6), np.float32), index, look) for _, look in due]
            drafts = [
                Draft(one, layer, SEEN, 1.0, free=SEEN if self.covered else None)
                for (one, _), layer in zip(due, layers, strict=True)
            ]
            self.refresh.made(self.image, drafts)
            spent = self.student * len(due)
            self.refresh.measured(StageTimings(student=spent, total=self.others + spent))
            self.runs.append([one.track_id for one, _ in due])
        return self.runs[-frames:]


def share(runs, name=0) -> float:
    return sum(name in run for run in runs) / len(runs)


def slow(**settings) -> Stream:
    """On its way, and short of time for a single run: 40 ms a frame, of which 30 are others'."""
    stream = Stream(student=20, others=38, fps=25, **settings)
    stream.play(20)
    return stream


def test_every_frame_where_it_fits():
    for student, others in ((5, 8), (20, 20), (39, 1)):
        assert share(Stream(student, others, fps=25).play(100)) == 1


def test_a_few_slow_frames_change_nothing():
    stream = Stream(student=10, others=20, fps=25)
    stream.play(20)
    stream.others = 500
    stream.play(5)
    stream.others = 20
    stream.play(30)
    assert share(stream.runs) == 1


def test_as_often_as_time_allows():
    """20 ms are left of 40 where a run takes 30: two runs in three frames."""
    runs = Stream(student=30, others=20, fps=25).play(90)[10:]
    assert share(runs) == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_at_least_every_so_often_however_slow(most):
    runs = Stream(student=50, others=100, fps=25, most=most).play(200)
    assert share(runs[20:]) == pytest.approx(1 / most, abs=0.03)


def test_no_rate_to_reach_is_every_frame_however_slow():
    assert share(Stream(student=500, others=500, fps=0).play(30)) == 1


def test_faces_take_turns():
    stream = Stream(student=10, others=10, fps=25, most=10)
    stream.worn = [(face(name), "a") for name in range(4)]
    runs = stream.play(120)[20:]
    assert {len(run) for run in runs} == {3}  # 30 ms are left a frame
    assert [share(runs, name) for name in range(4)] == pytest.approx([0.75] * 4, abs=0.03)


def test_who_waits_wears_what_was_made_last():
    stream = slow()
    for _ in range(6):
        waiting = stream.refresh.waiting(IMAGE, stream.worn)
        if waiting:
            break
        stream.play(1)
    assert waiting[0].layer.look_digest == "a"
    assert waiting[0].layer.affine.shape == (4, 4, 6)


def closed(one: Face) -> Face:
    """The same with one eye shut."""
    landmarks = one.landmarks.copy()
    eye = lm.EYE_R
    landmarks[list(eye.upper), 1] += 0.04 * one.width
    return replace(one, landmarks=landmarks)


@pytest.mark.parametrize("what", ["face", "look", "blink", "broken", "hand", "reset"])
def test_a_change_does_not_wait(what):
    for offset in range(3):  # wherever in its turn the stream is
        stream = slow(most=30)
        stream.play(offset)
        one = stream.worn[0][0]
        if what == "face":
            stream.worn = [(face(7), "a")]
        elif what == "look":
            stream.worn = [(one, "b")]
        elif what == "blink":
            stream.worn = [(closed(one), "a")]
        elif what == "broken":
            landmarks = one.landmarks.copy()
            landmarks[5] = np.nan
            stream.refresh.waiting(IMAGE, [(one, "a")])
            assert strayed(one, replace(one, landmarks=landmarks)) == np.inf
            continue
        elif what == "hand":
            stream.image = IMAGE.copy()
            stream.image[:, 240:] = 20
        else:
            stream.refresh.reset()
        assert stream.play(1) == [[stream.worn[0][0].track_id]]


def test_a_face_that_only_moves_waits_as_if_it_stood_still():
    stream = slow(most=30)
    first = stream.worn[0][0]
    for step in range(8):
        stream.worn = [(moved(first, 0.03 * step, 1 + 0.01 * step, (5 * step, -3 * step)), "a")]
        stream.play(1)
    assert share(stream.runs[-8:]) < 0.3


def test_straying_is_told_in_sizes_of_the_face():
    one = face()
    assert strayed(one, moved(one, 0.5, 1.3, (40, -20))) < 1e-5
    pulled = one.landmarks.copy()
    pulled[9, 0] += 10
    found = strayed(one, replace(one, landmarks=pulled))
    assert found == pytest.approx(10 / one.width, rel=0.05)


def test_a_student_that_is_waited_for_elsewhere_rests_as_well():
    """On a GPU its stage only queues it: what it costs is seen where the frame is waited for."""
    refresh, worn, ran = LayerRefresh(RefreshConfig(fps=25, most=30)), [(face(), "a")], []
    for index in range(90):
        due = not refresh.waiting(IMAGE, worn)
        layer = MakeupLayer(np.zeros((4, 4, 6), np.float32), index, "a")
        refresh.made(IMAGE, [Draft(worn[0][0], layer, SEEN, 1.0)] if due else [])
        student = 0.2 if due else 0.0
        composite = 45.0 if due else 5.0
        times = StageTimings(student=student, composite=composite, total=student + composite + 20)
        refresh.measured(times, (*STUDENT, "composite"))
        ran.append(due)
    assert sum(ran[30:]) / 60 == pytest.approx(15 / 40.2, abs=0.03)  # of 40 ms 15 are left


@pytest.mark.parametrize("wrong", [{"fps": -1}, {"most": 0}, {"changed": float("nan")}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"RefreshConfig.{next(iter(wrong))}"):
        RefreshConfig(**wrong)


@pytest.mark.parametrize("covered", [False, True])
def test_behind_a_hand_even_a_small_change_does_not_wait(covered):
    anew = []
    for offset in range(8):  # wherever in its turn the stream is
        stream = slow(most=30)
        stream.covered = covered
        stream.play(12 + offset)
        stream.image = IMAGE.copy()
        stream.image[:, 290:] = 20  # a twentieth of the points
        anew.append(share(stream.play(1)))
    assert (min(anew) == 1) == covered
