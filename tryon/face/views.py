"""Where the detector looks: the whole frame, then closer and closer squares.

The detector sees 128 px, so a face narrower than an eighth of what it looks at escapes it. This
only lists squares; it never looks itself.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np

from tryon.face.roi import Roi

CLOSEST = 320  # px, the smallest square; a face found only in smaller ones shows no makeup


@lru_cache(maxsize=8)
def views(width: int, height: int) -> tuple[tuple[Roi, ...], ...]:
    """The squares to search in a frame, level by level.

    Args:
        width: of the frame, px.
        height: of the frame, px.

    Returns:
        First the whole frame alone; each further level covers the frame with overlapping squares,
        the sides of which halve from the frame's shorter side down to `CLOSEST`.
    """
    levels: list[tuple[Roi, ...]] = [(Roi.of_frame(width, height),)]
    side = float(min(width, height))
    while side >= CLOSEST:
        if side < max(width, height):
            levels.append(
                tuple(Roi(x, y, side, side) for y in _centres(height, side)
                      for x in _centres(width, side))
            )  # fmt: skip
        side /= 2
    return tuple(levels)


def _centres(length: int, side: float) -> list[float]:
    """Centres of the fewest squares that overlap by half and cover a length, px."""
    count = ceil(2 * (length - side) / side) + 1
    middles: list[float] = np.linspace(side / 2, length - side / 2, count).tolist()
    return middles
