"""What a session knows of a frame between finding its faces and painting them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tryon.layer.ahead import Draft
from tryon.types import Face, Frame, StageTimings


class Stopwatch:
    """Collects the stages' wall times."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """The stage that just ended took the time since the last lap."""
        now = time.perf_counter()
        self._laps[stage] = (now - self._last) * 1e3
        self._last = now

    def resume(self) -> None:
        """Leave out the time since the last lap: the frame was waiting."""
        now = time.perf_counter()
        self._start += now - self._last
        self._last = now

    def timings(self) -> StageTimings:
        """All laps, and the time since the start."""
        return StageTimings(**self._laps, total=(time.perf_counter() - self._start) * 1e3)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A frame, its faces, and what each of them is to wear going by this frame alone."""

    frame: Frame
    picture: Any  # the frame, of the kernels in use
    faces: tuple[Face, ...]
    drafts: tuple[Draft, ...]
    seconds: float
    shot: int
    clock: Stopwatch
