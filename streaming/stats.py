"""Turns per-frame times into the figures that a person reads: rate, age, percentiles.

It keeps the latest few thousand frames in a ring, so its memory never grows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import astuple, dataclass, fields
from time import monotonic

import numpy as np

from tryon.types import StageTimings

STAGES: tuple[str, ...] = tuple(f.name for f in fields(StageTimings))
_RING = 4096  # frames whose times are kept: over two minutes at 30 fps


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median, 95th and 99th percentile of times in ms; NaN when nothing was measured."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What a run amounted to."""

    frames: int  # shown
    drops: int  # taken from the source and replaced by a newer one before compute was free
    fps: float  # shown frames per s, first to last
    student_share: float  # of the frames with makeup: those in which the student ran; NaN if none
    stages_ms: tuple[Percentiles, ...]  # in the order of STAGES; over frames where it ran
    frame_age_ms: Percentiles  # captured to handed to every sink


class LiveStats:
    """Running figures of the live loop; written by the loop, read by whoever draws them."""

    def __init__(self) -> None:
        self.frames = 0
        self.drops = 0
        self.age_ms = float("nan")  # of the newest frame
        self._rows = np.zeros((_RING, 1 + len(STAGES)), np.float32)
        self._recent: deque[float] = deque(maxlen=30)
        self._first = self._last = 0.0

    @property
    def fps(self) -> float:
        """Shown frames per s over the last thirty frames; 0 before the second frame."""
        return _rate(len(self._recent), self._recent[0], self._recent[-1]) if self.frames else 0.0

    def record(self, timings: StageTimings, age_ms: float) -> None:
        """Take one shown frame into account.

        Args:
            timings: Stage times in ms.
            age_ms: Time from capture to display in ms.
        """
        self._rows[self.frames % _RING] = (age_ms, *astuple(timings))
        self._last = monotonic()
        self._first = self._first if self.frames else self._last
        self._recent.append(self._last)
        self.age_ms = age_ms
        self.frames += 1

    def report(self) -> LiveReport:
        """Sum up what was recorded (percentiles over the latest few thousand frames)."""
        rows = self._rows[: min(self.frames, _RING)]
        age = percentiles(rows[:, 0])
        stages = (percentiles(column[column > 0]) for column in rows.T[1:])
        fps = _rate(self.frames, self._first, self._last)
        ran, worn = (rows[:, 1 + STAGES.index(name)] > 0 for name in ("student", "composite"))
        share = float(ran[worn].mean()) if worn.any() else float("nan")
        return LiveReport(self.frames, self.drops, fps, share, tuple(stages), age)


def percentiles(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Percentiles:
    """Percentiles of a sample of times.

    Args:
        values: (N,) float32, ms.
    """
    if not values.size:
        return Percentiles(float("nan"), float("nan"), float("nan"))
    return Percentiles(*(float(p) for p in np.percentile(values, (50, 95, 99))))


def _rate(count: int, first: float, last: float) -> float:
    return (count - 1) / (last - first) if last > first else 0.0
