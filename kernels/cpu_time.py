"""Numba twins of `reference_time`: averages of maps over time, texel by texel.

They turn layers of several moments into one; they know nothing of faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import COPIED, F64, INT, PAINTED, helper, jit, plain, readonly, spread
from .compiled import F32 as SINGLE
from .reference_time import HIDDEN
from .shapes import check

LARGEST = np.float32(np.finfo(np.float32).max)
AT_ONCE = 128  # texels

F32 = NDArray[np.float32]


def ema(previous: F32, current: F32, weight: F32) -> F32:
    """See `reference.ema`."""
    check("ema", previous, current, weight)
    smoothed = np.empty(previous.shape, np.float32)
    arguments = (
        plain(previous).reshape(weight.size, previous.shape[-1]),
        plain(current).reshape(weight.size, previous.shape[-1]),
        plain(weight).reshape(-1),
        smoothed.reshape(weight.size, previous.shape[-1]),
    )
    spread(weight.size, COPIED, (ema_texels, *arguments))
    return smoothed


def follow(previous: F32, current: F32, visibility: F32, step: float, believed: float) -> F32:
    """See `reference.follow`."""
    check("follow", previous, current, visibility)
    smoothed = np.empty(previous.shape, np.float32)
    arguments = (
        plain(previous).reshape(-1),
        plain(current).reshape(-1),
        visibility.reshape(-1),
        float(step),
        float(believed),
        smoothed.reshape(-1),
    )
    spread(visibility.size, PAINTED, (follow_texels, *arguments))
    return smoothed


def average(
    own: F32,
    visibility: F32,
    near: Sequence[float],
    others: Sequence[F32],
    seen: Sequence[F32],
    believed: float,
) -> F32:
    """See `reference.average`."""
    check("follow", own, own, visibility)
    if not len(others):
        return own
    mean, total = np.array(own, order="C"), np.where(visibility <= 0, HIDDEN, np.float32(1))
    sums = mean.reshape(-1), total.reshape(-1)
    here = plain(own).reshape(-1), visibility.reshape(-1)
    steps = []
    for weight, other, there in zip(near, others, seen, strict=True):
        check("follow", own, other, there)
        neighbour = plain(other).reshape(-1), there.reshape(-1), float(weight), float(believed)
        steps.append((average_texels, *sums, *here, *neighbour))
    spread(visibility.size, PAINTED, *steps)
    return mean


@helper
def _moved(old: Any, new: Any, weight: Any) -> Any:
    """`ema` of one value, written so that a loop over it needs no branch."""
    mixed = (np.float32(1) - weight) * old + weight * new
    mixed = mixed if abs(old) <= LARGEST else new
    return mixed if abs(new) <= LARGEST else old


@jit(readonly(SINGLE, 2), readonly(SINGLE, 2), readonly(SINGLE, 1), SINGLE[:, ::1], INT, INT)
def ema_texels(
    previous: Any, current: Any, weight: Any, smoothed: Any, start: int, stop: int
) -> None:
    """Smooth flat texels start..stop."""
    for texel in range(start, stop):
        w = weight[texel]
        for k in range(previous.shape[1]):
            smoothed[texel, k] = _moved(previous[texel, k], current[texel, k], w)


@jit(
    *(readonly(SINGLE, 1), readonly(SINGLE, 1), readonly(SINGLE, 1, "A"), F64, F64),
    *(SINGLE[::1], INT, INT),
)
def follow_texels(
    previous: Any, current: Any, visibility: Any, step: float, believed: float, smoothed: Any,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Smooth flat texels start..stop by as much as they stayed the same.

    A few texels at a time, all their numbers in a row: such loops run many numbers at once.
    """
    channels = len(smoothed) // max(len(visibility), 1)
    noise, scale = np.float32(step), np.float32(1.0 / believed)
    one, zero = np.float32(1), np.float32(0)
    numbers = np.empty(AT_ONCE * channels, np.float32)
    for first in range(start, stop, AT_ONCE):
        texels, begin = min(AT_ONCE, stop - first), first * channels
        old = previous[begin : begin + texels * channels]
        new = current[begin : begin + texels * channels]
        out = smoothed[begin : begin + texels * channels]
        for k in range(len(out)):
            change = abs(new[k] - old[k])
            numbers[k] = change if change <= LARGEST else zero
        for texel in range(texels):
            change, place = zero, texel * channels
            for k in range(place, place + channels):
                change = max(change, numbers[k])
            change = min(change * scale, one)
            weight = noise + (one - noise) * change * change
            if not visibility[first + texel] > 0:
                weight = zero
            for k in range(place, place + channels):
                numbers[k] = weight
        for k in range(len(out)):
            out[k] = _moved(old[k], new[k], numbers[k])


@jit(
    *(SINGLE[::1], SINGLE[::1], readonly(SINGLE, 1), readonly(SINGLE, 1, "A"), readonly(SINGLE, 1)),
    *(readonly(SINGLE, 1, "A"), F64, F64, INT, INT),
)
def average_texels(
    mean: Any, total: Any, own: Any, visibility: Any, other: Any, seen: Any, near: float,
    believed: float, start: int, stop: int,
) -> None:  # fmt: skip
    """Take one neighbour into `mean` and `total`, in place, for flat texels start..stop."""
    channels = len(mean) // max(len(visibility), 1)
    weight, scale = np.float32(near), np.float32(1.0 / believed)
    one, zero = np.float32(1), np.float32(0)
    for texel in range(start, stop):
        place, change = texel * channels, zero
        for k in range(place, place + channels):
            difference = abs(other[k] - own[k])
            change = max(change, difference if difference <= LARGEST else zero)
        change *= scale
        alike = one if visibility[texel] <= 0 else max(one - change * change, zero)
        share = weight * alike if seen[texel] > 0 else zero
        total[texel] += share
        moved = share / total[texel]
        for k in range(place, place + channels):
            mean[k] = _moved(mean[k], other[k], moved)
