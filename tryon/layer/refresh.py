"""How often the student runs: every frame where time allows, else as often as it does.

In between, a face goes on wearing the layer it has, which moves with its landmarks. What really
changes (a new face or look, a blink, a turn of the head, a hand, a cut) is never kept waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from tryon.errors import ConfigError
from tryon.layer.ahead import Draft
from tryon.layer.hold import glance, looks_changed
from tryon.types import Face, Float32, StageTimings, UInt8

STUDENT = ("unwrap", "student", "cover")
"""Stages of a frame that only a run of the student needs."""

_FRAMES = 15  # whose times are remembered; their median is blind to a single slow frame
_COVERED = 0.1  # share of points that show something else at which the face is looked at anew
_MOVED = 0.02  # the same of a face with something in front: a hand moves without the face


@dataclass(frozen=True, slots=True)
class RefreshConfig:
    """Settings of the refresh."""

    fps: float = 24.0  # frames a second to reach; 0 runs the student every frame, however long
    most: int = 3  # frames from one run to the next, at most; 1 runs it every frame
    changed: float = 0.02  # of the face's size by which a landmark may stray before it must run

    def __post_init__(self) -> None:
        for name, low, high in (("fps", 0, 1000), ("most", 1, 30), ("changed", 0, 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"RefreshConfig.{name} is {value}; use {low} to {high}")


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    draft: Draft
    colours: Float32  # (478, 3) at its landmarks
    frame: int  # when it ran


class LayerRefresh:
    """What the student last made for each face, and the time there is to make it anew.

    The time a frame leaves is saved up, at most for one run of every face, and each run is paid
    from it: with enough of it every face is made anew in every frame.
    """

    def __init__(self, config: RefreshConfig | None = None) -> None:
        self._config = config or RefreshConfig()
        self._runs: dict[int | None, _Run] = {}  # a queue: first who has waited longest
        self._frame = self._made = 0
        self._saved = 0.0  # ms
        self._costs: deque[float] = deque(maxlen=_FRAMES)  # ms of one face
        self._others: deque[float] = deque(maxlen=_FRAMES)  # ms of all else in a frame
        self._resting: deque[float] = deque(maxlen=_FRAMES)  # ms of `stages` without a run

    def reset(self) -> None:
        """Forget the faces, as after a cut; times stay true."""
        self._runs = {}

    def waiting(self, image: UInt8, worn: Sequence[tuple[Face, str]]) -> dict[int | None, Draft]:
        """Choose the faces that go on with the layer they have; all others are due.

        Args:
            image: (H, W, 3) the frame, before any makeup.
            worn: every face that wears something, and the digest of its look.

        Returns:
            What the student last made for them, by track id.
        """
        self._frame += 1
        if self._config.fps == 0 or not self._costs:
            return {}
        cost, count = median(self._costs), len(worn)
        left = max(0.0, 1e3 / self._config.fps - median(self._others))
        self._saved = min(self._saved + left, count * cost + left)
        if self._saved >= count * cost:
            self._saved -= count * cost
            return {}
        patient = {face.track_id for face, digest in worn if self._may_wait(image, face, digest)}
        may_wait = [name for name in self._runs if name in patient]
        self._saved = max(0.0, self._saved - cost * (count - len(may_wait)))
        affordable = int(self._saved / cost) if cost else count
        self._saved -= cost * min(affordable, len(may_wait))
        return {name: self._runs[name].draft for name in may_wait[affordable:]}

    def made(self, image: UInt8, drafts: Sequence[Draft]) -> None:
        """Take note of what the student has just made; faces that are gone are forgotten."""
        now: dict[int | None, _Run] = {
            draft.face.track_id: _Run(draft, glance(image, draft.face.landmarks), self._frame)
            for draft in drafts
        }
        oldest = self._frame - self._config.most
        kept = {n: run for n, run in self._runs.items() if run.frame > oldest and n not in now}
        # Who was served goes to the end of the queue, in the order of the queue.
        served = {name: now[name] for name in (*self._runs, *now) if name in now}
        self._runs = kept | served
        self._made = len(now)

    def measured(self, timings: StageTimings, stages: Sequence[str] = STUDENT) -> None:
        """Learn from the times of the frame that was last chosen for and `made`.

        Args:
            timings: of the frame.
            stages: that take less time in a frame in which the student rests.
        """
        spent = sum(getattr(timings, stage) for stage in stages)
        if not self._made:
            self._resting.append(spent)
        if self._resting:  # what they take without a run is no cost of one
            spent -= min(spent, median(self._resting))
        self._others.append(timings.total - spent)
        if self._made:
            self._costs.append(spent / self._made)

    def _may_wait(self, image: UInt8, face: Face, digest: str) -> bool:
        run = self._runs.get(face.track_id)
        return (
            run is not None
            and self._frame - run.frame < self._config.most
            and run.draft.layer.look_digest == digest
            and strayed(run.draft.face, face) <= self._config.changed
            and looks_changed(image, face.landmarks, run.colours)
            <= (_COVERED if run.draft.free is None else _MOVED)
        )


def strayed(before: Face, now: Face) -> float:
    """How far a landmark moved at most, but for the face's own shift, turn in the plane and zoom.

    Returns:
        In sizes of the face; infinite where a landmark is not finite.
    """
    # As complex numbers a turn with a zoom is a product.
    a, b = (face.landmarks[:, 0] + 1j * face.landmarks[:, 1] for face in (before, now))
    if not np.isfinite(a).all() or not np.isfinite(b).all():
        return float("inf")
    a, b = a - a.mean(), b - b.mean()
    size = float(np.vdot(a, a).real)
    if size == 0:
        return float("inf")
    gap = np.abs(b - np.vdot(a, b) / size * a).max()
    return float(gap / max(now.width, 1.0))
