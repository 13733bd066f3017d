"""Landmarks of a film made steady without delay: a parabola through the frames before and after.

Motion that no parabola follows, such as a blink, is left as it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tryon.types import Float32

_DEGREE = 2
# How far apart, in face sizes, two places may lie by noise alone, and from where on it is motion;
# the network's own jitter is about 0.002. First the parabola from the plain mean, which is steadier
# for what stands still or moves evenly; then the measured point from the parabola.
_BENT, _SUDDEN = (0.001, 0.002), (0.006, 0.015)


def steady(points: Sequence[Float32], seconds: Sequence[float], now: int) -> Float32:
    """Smooth the points of one moment (Savitzky and Golay, 1964, at any spacing in time).

    Args:
        points: (N, 3) px, for each moment.
        seconds: time of each moment.
        now: index of the moment that is asked for.

    Returns:
        (N, 3) px; as measured when there are too few moments to tell noise from motion.
    """
    measured = points[now]
    if len(points) < _DEGREE + 3:
        return measured
    times = np.asarray(seconds) - seconds[now]
    powers = np.vander(times / np.abs(times).max(), _DEGREE + 1, increasing=True)
    weights = np.linalg.pinv(powers)[0].astype(np.float32)  # value of the parabola at time 0
    cloud = np.stack(points)
    fitted = _nearer(cloud.mean(0), np.tensordot(weights, cloud, 1), measured, _BENT)
    return _nearer(fitted, measured, measured, _SUDDEN)


def _nearer(calm: Float32, true: Float32, face: Float32, bounds: tuple[float, float]) -> Float32:
    """Each point: the calm one while the two are close, the true one when they are far apart."""
    size = max(float(np.ptp(face[:, :2], axis=0).mean()), 1.0)
    apart = np.linalg.norm((true - calm)[:, :2], axis=1) / size
    share = np.clip((apart - bounds[0]) / (bounds[1] - bounds[0]), 0, 1).astype(np.float32)
    points: Float32 = calm + share[:, None] * (true - calm)
    return points
