"""Prepared looks -> one: what the networks made of several references, put together by place.

The networks are not run; the result is worn at the price of a single look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tryon.engines.base import PreparedLook
from tryon.errors import EngineError
from tryon.types import Float32


def blend_looks(
    prepared: Sequence[PreparedLook], texels: Float32, whole: Sequence[float]
) -> PreparedLook:
    """Put prepared looks together.

    Args:
        prepared: P looks, all of one engine.
        texels: (P, A, A) share of each look at each texel, summing to 1.
        whole: P shares for what belongs to no place, summing to 1.

    Returns:
        The blend; with one look, that look.

    Raises:
        EngineError: the looks are of several engines.
    """
    first = prepared[0]
    if any(look.engine != first.engine for look in prepared):
        raise EngineError("The looks were prepared by different engines; prepare them with one.")
    if len(prepared) == 1:
        return first
    axis = first.channel_axis
    features = tuple(
        _blend(np.stack(maps), texels, whole, axis)
        for maps in zip(*(look.features for look in prepared), strict=True)
    )
    return PreparedLook(features, first.engine, axis)


def _blend(maps: Float32, texels: Float32, whole: Sequence[float], channel_axis: int) -> Float32:
    """One feature of all looks, (P, ...): by place if it has places, else as a whole."""
    side = maps.shape[2 if channel_axis == 3 else 3] if maps.ndim == 5 else 1
    if side > 1:
        shares = np.expand_dims(_shrink(texels, side), (1, 1 + channel_axis))
    else:
        shares = np.array(whole, np.float32).reshape(-1, *[1] * (maps.ndim - 1))
    blended: Float32 = np.sum(shares * maps, 0, dtype=np.float32)
    return blended


def _shrink(texels: Float32, side: int) -> Float32:
    """(P, A, A) to (P, side, side) by the mean of each square."""
    count, size, _ = texels.shape
    step = size // side
    squares = texels.reshape(count, side, step, side, step)
    mean: Float32 = squares.mean((2, 4), dtype=np.float32)
    return mean
