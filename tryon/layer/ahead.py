"""Smoothing a film over the frames before *and after* each one: steady, and never late.

Only a frame's own shot and the same face are looked at, and a texel that differs much is left out,
so nothing blurs across a cut, a hand or a blink; it never looks at pictures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any, Protocol, TypeVar

import numpy as np

from tryon.errors import ConfigError
from tryon.face.steady import steady
from tryon.kernels.sets import CPU, KernelSet
from tryon.types import REGIONS, Face, Float32, MakeupLayer

_BLINK = 3  # frames for which a face may be missed without fading


@dataclass(frozen=True, slots=True)
class AheadConfig:
    """Settings of the window.

    Raises:
        ConfigError: a value is outside its range.
    """

    frames: int = 5  # to either side, 0..30; each one ahead is held in memory
    sigma: float = 0.1  # s, width of the average in time
    believed: float = 0.25  # change of gain or offset that is not averaged at all

    def __post_init__(self) -> None:
        for name, high in (("frames", 30), ("sigma", 10.0), ("believed", 10.0)):
            value = getattr(self, name)
            if not 0 <= value <= high or (value == 0 and name != "frames"):
                raise ConfigError(f"AheadConfig.{name} is {value}; use a number up to {high:g}")


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What one face is to wear in one frame."""

    face: Face
    layer: MakeupLayer
    visibility: Any  # (A, A) float32 of the kernels in use, as the layer
    share: float  # of the makeup that is shown, 0..1
    intensities: tuple[float, ...] = (1.0,) * len(REGIONS)
    free: Float32 | None = None  # (A, A) share of each texel that nothing covers; None is all


class Reading(Protocol):
    """A frame that was read; whatever else it holds is handed through."""

    @property
    def seconds(self) -> float:
        """Time of the frame."""

    @property
    def shot(self) -> int:
        """Number that changes at a cut."""

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """One for each face to be made up, before smoothing."""


R = TypeVar("R", bound=Reading)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What is kept of a frame that has gone: all but its picture."""

    seconds: float
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The frames around one frame, as far as its shot reaches."""

    moments: tuple[Moment, ...]
    now: int  # index of the frame itself


def windows(readings: Iterable[R], frames: int) -> Iterator[tuple[R, Window]]:
    """Show each frame among its neighbours.

    Args:
        readings: in order.
        frames: how many neighbours to either side; readings come out that much later.

    Yields:
        Each reading with its window.
    """
    past: deque[tuple[int, Moment]] = deque(maxlen=frames)
    coming: deque[R] = deque()

    def next_one() -> tuple[R, Window]:
        reading = coming.popleft()
        now = Moment(reading.seconds, reading.drafts)
        before = [moment for shot, moment in past if shot == reading.shot]
        after = [Moment(r.seconds, r.drafts) for r in coming if r.shot == reading.shot]
        past.append((reading.shot, now))
        return reading, Window((*before, now, *after), len(before))

    for reading in readings:
        coming.append(reading)
        if len(coming) > frames:
            yield next_one()
    while coming:
        yield next_one()


def smooth_window(
    window: Window, config: AheadConfig, kernels: KernelSet = CPU
) -> tuple[Draft, ...]:
    """Smooth one frame's drafts over its window.

    A face missing for a few frames between two that show it is filled in; one that comes or goes
    within a shot fades in the course of the window.

    Args:
        window: of `windows`.
        config: settings.
        kernels: whose arrays the drafts hold.

    Returns:
        What each face is to wear.
    """
    moments, now = window.moments, window.now
    out = []
    for name in sorted({draft.face.track_id for moment in moments for draft in moment.drafts}):
        seen = {
            index: draft
            for index, moment in enumerate(moments)
            for draft in moment.drafts
            if draft.face.track_id == name
        }
        first, last = min(seen), max(seen)
        if not first <= now <= last:
            continue
        centre = seen.setdefault(now, seen.get(now) or _between(moments, seen, now))
        digest = centre.layer.look_digest
        neighbours = [
            (exp(-(((moments[i].seconds - moments[now].seconds) / config.sigma) ** 2) / 2), draft)
            for i, draft in seen.items()
            if i != now and draft.layer.look_digest == digest
        ]
        affine = kernels.average(
            centre.layer.affine,
            centre.visibility,
            [near for near, _ in neighbours],
            [draft.layer.affine for _, draft in neighbours],
            [draft.visibility for _, draft in neighbours],
            config.believed,
        )
        # The detector may blink; a face that is away for longer has come or will go: it fades.
        away = first + len(moments) - 1 - last
        present = min(
            1.0, max(0.0, (config.frames + 1 - away) / max(1, config.frames + 1 - _BLINK))
        )
        layer = MakeupLayer(affine, centre.layer.frame_index, digest)
        face, share = _steady(moments, seen, now), centre.share * present
        out.append(replace(centre, face=face, layer=layer, share=share))
    return tuple(draft for draft in out if draft.share > 0)


def _steady(moments: Sequence[Moment], seen: dict[int, Draft], now: int) -> Face:
    order = sorted(seen)
    points = [seen[i].face.landmarks for i in order]
    landmarks = steady(points, [moments[i].seconds for i in order], order.index(now))
    return replace(seen[now].face, landmarks=landmarks)


def _between(moments: Sequence[Moment], seen: dict[int, Draft], now: int) -> Draft:
    """The face where nobody saw it for a moment, on the straight way between its neighbours."""
    before, after = max(i for i in seen if i < now), min(i for i in seen if i > now)
    times = [moments[i].seconds for i in (before, now, after)]
    share = (times[1] - times[0]) / (times[2] - times[0])
    a, b = (seen[before], seen[after]) if share < 0.5 else (seen[after], seen[before])
    step = np.float32(min(share, 1 - share))
    landmarks = a.face.landmarks + step * (b.face.landmarks - a.face.landmarks)
    return replace(a, face=replace(a.face, landmarks=landmarks))
