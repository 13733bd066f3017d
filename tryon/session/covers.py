"""What is in front of the faces of a stream: looked for in each frame, remembered for a moment.

A hand is believed at once; what it hid comes back slowly, so that a mask that flickers is steady.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tryon.errors import ConfigError
from tryon.face.occlusion import Occlusion, widened
from tryon.types import Float32

_FORGOTTEN = 8.0  # time constants after which nothing is left of what was hidden
_LITTLE = 0.01  # share of a texel: less of it hidden is nothing


@dataclass(frozen=True, slots=True)
class OcclusionConfig:
    """Settings of what is looked for in front of faces."""

    on: bool = True  # a network looks for hands, cups, hair and glasses; they are not painted
    linger: float = 0.1  # s, time constant with which what was hidden comes back; 0 at once

    def __post_init__(self) -> None:
        if not 0 <= self.linger <= 10:
            raise ConfigError(f"OcclusionConfig.linger is {self.linger}; use 0 to 10")


class Covers:
    """The network, and what it last saw in front of each face."""

    def __init__(self, network: Occlusion, linger: float) -> None:
        self._network, self._linger = network, linger
        self._known: dict[int, tuple[Float32, float]] = {}  # share that is free, and when

    def reset(self) -> None:
        """Forget every face, as after a cut."""
        self._known = {}

    def free(self, name: int, texture: Float32, seconds: float) -> Float32 | None:
        """What of a face nothing is in front of.

        Args:
            name: its track id.
            texture: (A, A, 4) float32, contiguous: sRGB RGB and visibility, 0..1.
            seconds: time of the frame.

        Returns:
            (A, A) float32, 1 free to 0 covered; None where all of it is free.
        """
        free = self._network(texture)
        if self._linger:
            free = self._steadied(name, free, seconds)
        return widened(free, len(texture)) if free.min() < 1 - _LITTLE else None

    def _steadied(self, name: int, free: Float32, seconds: float) -> Float32:
        limit = _FORGOTTEN * self._linger
        self._known = {
            other: (share, when)
            for other, (share, when) in self._known.items()
            if 0 <= seconds - when < limit
        }
        if name in self._known:
            before, when = self._known[name]
            left = np.float32(math.exp((when - seconds) / self._linger))
            free = np.minimum(free, 1 - left * (1 - before))
        self._known[name] = free, seconds
        return free


def open_covers(config: OcclusionConfig, threads: int) -> Covers | None:
    """Load the network; None where it is off.

    Raises:
        WeightsError, EngineError: it cannot be loaded.
    """
    return Covers(Occlusion(threads), config.linger) if config.on else None
