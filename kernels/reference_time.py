"""NumPy kernels over time: layers of an atlas smoothed over frames; part of `reference`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .shapes import check

F32 = NDArray[np.float32]

HIDDEN = np.float32(1e-3)
"""Weight of a texel's own value in `average` where the camera does not see it."""


def ema(previous: F32, current: F32, weight: F32) -> F32:
    """Smooth over time: (1 - weight) * previous + weight * current.

    A current value that is not finite keeps the previous one; a previous value that is not
    finite is replaced by the current one.

    Args:
        previous: (A, A, C) float32.
        current: (A, A, C) float32.
        weight: (A, A) float32 in [0, 1], how much of the current value is taken.

    Returns:
        (A, A, C) float32, a new array.
    """
    check("ema", previous, current, weight)
    share = weight[..., None]
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = (np.float32(1) - share) * previous + share * current
    mixed = np.where(np.isfinite(previous), mixed, current)
    return np.where(np.isfinite(current), mixed, previous)


def follow(previous: F32, current: F32, visibility: F32, step: float, believed: float) -> F32:
    """Smooth over time, and take over at once what changed much.

    `ema` with the weight step + (1 - step) * min(1, (change / believed)^2), where the change is
    the largest finite difference of a texel's values; 0 where the texel is not visible.

    Args:
        previous: (A, A, C) float32.
        current: (A, A, C) float32.
        visibility: (A, A) float32; hidden texels keep the previous values.
        step: weight of a change that is mere noise, 0..1.
        believed: change that is taken over whole, above 0.

    Returns:
        (A, A, C) float32, a new array.
    """
    check("follow", previous, current, visibility)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(current - previous)
        difference[~np.isfinite(difference)] = 0.0
        change = np.minimum(np.max(difference, axis=-1, initial=0.0) / believed, 1.0)
        weight = step + (1 - step) * change * change
    return ema(previous, current, (weight * (visibility > 0)).astype(np.float32))


def average(
    own: F32,
    visibility: F32,
    near: Sequence[float],
    others: Sequence[F32],
    seen: Sequence[F32],
    believed: float,
) -> F32:
    """Weighted mean of a layer and its neighbours in time, texel by texel.

    Its own weight is 1, or HIDDEN where the texel is hidden. A neighbour's is `near` times
    max(0, 1 - c * c), where c is its `follow` difference from `own` over `believed`: what changed
    is left out. Where the texel is hidden, c is 0: what is not seen says nothing about what it
    looked like. A neighbour has no weight where it does not see the texel itself.

    Args:
        own: (A, A, C) float32.
        visibility: (A, A) float32; hidden is 0 or less.
        near: weight of each neighbour, above 0.
        others: as many (A, A, C) float32.
        seen: as many (A, A) float32, visibility of the neighbours.
        believed: difference from which a neighbour is left out, above 0.

    Returns:
        (A, A, C) float32; `own` itself without neighbours.
    """
    check("follow", own, own, visibility)
    mean, total = own, np.where(visibility <= 0, HIDDEN, np.float32(1))
    for weight, other, there in zip(near, others, seen, strict=True):
        check("follow", own, other, there)
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs(other - own)
            difference[~np.isfinite(difference)] = 0.0
            change = np.max(difference, axis=-1, initial=0.0) * np.float32(1 / believed)
            alike = np.maximum(1 - change * change, 0)
        alike[visibility <= 0] = 1
        share = np.float32(weight) * alike * (there > 0)
        total = total + share
        mean = ema(mean, other, share / total)
    return mean
