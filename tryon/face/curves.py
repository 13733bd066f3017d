"""Smooth curves through landmarks and distances to them, in any plane (frame, atlas, canonical)."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from tryon.types import Float32


def catmull_rom(points: Float32, steps: int = 6, closed: bool = False) -> Float32:
    """Pass a uniform Catmull-Rom spline through points.

    Args:
        points: (N, D) control points, N >= 2.
        steps: samples for each segment.
        closed: join the last point to the first.

    Returns:
        (M, D) float32; M = N * steps when closed, else (N - 1) * steps + 1.
    """
    # Each sample is a fixed blend of control points: the blends are worked out once.
    curve: Float32 = _blends(len(points), steps, closed) @ np.asarray(points, np.float32)
    return curve


@lru_cache(maxsize=64)
def _blends(count: int, steps: int, closed: bool) -> Float32:
    """How much of each of `count` control points is in each sample, (M, count)."""
    p = np.eye(count, dtype=np.float32)
    if closed:
        padded = np.concatenate([p[-1:], p, p[:2]])
        segments = count
    else:
        padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        segments = count - 1
    a, b, c, d = (padded[i : i + segments, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    out = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    flat = out.reshape(-1, count).astype(np.float32)
    return flat if closed else np.concatenate([flat, p[-1:]])


def distance_to_polyline(points: Float32, line: Float32) -> Float32:
    """Distance of each point to an open polyline.

    Args:
        points: (..., D).
        line: (N, D), N >= 2.

    Returns:
        (...) float32, in the unit of the input.
    """
    best = np.full(points.shape[:-1], np.inf, np.float32)
    for a, b in pairwise(line):
        ab = b - a
        t = np.clip((points - a) @ ab / max(float(ab @ ab), 1e-12), 0, 1)
        offset = points - a - t[..., None] * ab
        best = np.minimum(best, np.sqrt((offset**2).sum(-1)))
    return best
