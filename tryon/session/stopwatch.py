"""How long the stages of one frame take."""

from __future__ import annotations

import time

from tryon.types import StageTimings


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
