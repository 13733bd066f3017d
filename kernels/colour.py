"""The sRGB transfer curve (IEC 61966-2-1) and its tables for 8-bit pictures.

It turns display values into linear light and back; it never converts between colour spaces.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# The steepest part of the curve rises 255 * 12.92 = 3295 levels per unit of light, so a bucket of
# 1/4096 never holds more than one of the 255 borders between levels.
BUCKETS = 4096


def srgb_to_linear(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """Display value in 0..1 to linear light in 0..1, exact, any shape."""
    x = np.asarray(value, np.float64)
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear light in 0..1 to display value in 0..1, exact, any shape."""
    x = np.asarray(light, np.float64)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 0.0) ** (1 / 2.4) - 0.055)


@cache
def light_of_level() -> NDArray[np.float32]:
    """Linear light of each of the 256 levels, (256,)."""
    return srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)


@cache
def border_of_level() -> NDArray[np.float32]:
    """Least light that rounds to level k, (257,); the last is infinite, so no level follows 255."""
    exact = srgb_to_linear((np.arange(257) - 0.5) / 255.0)
    exact[0], exact[256] = 0.0, np.inf
    borders = exact.astype(np.float32)
    # Rounded down, a border would let in one value of light too many.
    return np.where(borders < exact, np.nextafter(borders, np.float32(np.inf)), borders)


@cache
def level_of_bucket() -> NDArray[np.uint8]:
    """Level at the dark end of each of the 4096 buckets of light, (4097,).

    Light x in 0..1 has level `k + (x >= border_of_level()[k + 1])` where
    `k = level_of_bucket()[int(x * BUCKETS)]`: the rounded exact curve in two look-ups.
    """
    starts = (np.arange(BUCKETS + 1) / BUCKETS).astype(np.float32)
    return (np.searchsorted(border_of_level(), starts, side="right") - 1).astype(np.uint8)
