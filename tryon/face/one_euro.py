"""The One-Euro filter (Casiez, Roussel and Vogel, 2012) over a cloud of points that move together.

It removes jitter from what stands still and follows what moves; it knows nothing about faces.
"""

from __future__ import annotations

from math import pi

import numpy as np

from tryon.types import Float32


class OneEuro:
    """A low-pass filter whose cut-off rises with the speed of each coordinate.

    The original judges speed per coordinate and smooths that estimate, so it is late: where fast
    motion turns around, the estimate passes zero while the point still moves, and the output
    freezes for a frame. The points here move together, so their step in this very frame, averaged
    over all of them, has little noise; what exceeds `still_step` opens the filter too.

    Args:
        min_cutoff: Hz, cut-off of a coordinate at rest; lower is steadier.
        beta: Hz per (size/s), how much speed raises the cut-off; higher lags less.
        derivative_cutoff: Hz, cut-off of the speed estimate.
        still_step: size, common step between two samples that noise alone can make; infinity is
            the original.
    """

    def __init__(
        self, min_cutoff: float, beta: float, derivative_cutoff: float, still_step: float
    ) -> None:
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._derivative_cutoff = derivative_cutoff
        self._still_step = still_step
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next value passes unchanged."""
        self._raw: Float32 | None = None
        self._value: Float32 | None = None
        self._speed: Float32 | None = None

    def __call__(self, raw: Float32, seconds: float, size: float) -> Float32:
        """Filter one sample.

        Args:
            raw: (N, 2 or 3) the measured points. The third coordinate is not counted in the common
                speed.
            seconds: time since the previous sample, > 0.
            size: length that counts as 1 when speed is judged, > 0, in the unit of `raw`.

        Returns:
            The filtered points, a new array.
        """
        if self._raw is None or self._value is None or self._speed is None:
            self._raw, self._value, self._speed = raw, raw.copy(), np.zeros_like(raw)
            return self._value
        step = (raw - self._raw) / np.float32(size)
        smooth = _alpha(np.float32(self._derivative_cutoff), seconds)
        self._speed = self._speed + smooth * (step / np.float32(seconds) - self._speed)
        common = np.sqrt(np.square(step[:, :2]).sum(1).mean()) - np.float32(self._still_step)
        pace = np.maximum(np.abs(self._speed), common / np.float32(seconds))
        follow = _alpha(self._min_cutoff + self._beta * pace, seconds)
        self._value = self._value + follow * (raw - self._value)
        self._raw = raw
        return self._value


def _alpha(cutoff: Float32 | np.float32, seconds: float) -> Float32:
    """Weight of the new sample in an exponential average with this cut-off (Hz)."""
    turn = np.float32(2 * pi * seconds) * cutoff
    return np.asarray(turn / (1 + turn), np.float32)
