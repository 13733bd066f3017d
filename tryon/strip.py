"""A strip of thumbnails along the bottom of a picture, one for each look to choose from.

It draws into the picture it is given and says which thumbnail a place belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tryon.look.look import Look
from tryon.types import UInt8

_SHARE = 0.16  # side of a thumbnail, of the picture's height
_GAP = 8  # px


class Strip:
    """Thumbnails of some looks.

    Args:
        looks: In the order shown.
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = tuple(looks)
        self._tiles: tuple[UInt8, ...] = ()

    def draw(self, image: UInt8, worn: int) -> None:
        """Draw the strip, in place; the worn look has a white frame.

        Args:
            image: (H, W, 3) uint8 RGB, contiguous; changed. One look makes no strip.
            worn: Index of the look that is worn.
        """
        import cv2

        for index, (x, y, side) in enumerate(self._places(image)):
            tile = self._tile(index, side)
            image[y : y + side, x : x + side] = tile
            if index == worn:
                cv2.rectangle(image, (x - 3, y - 3), (x + side + 2, y + side + 2), (0, 0, 0), 5)
                cv2.rectangle(image, (x - 3, y - 3), (x + side + 2, y + side + 2), (255,) * 3, 3)

    def at(self, image: UInt8, x: float, y: float) -> int | None:
        """Index of the look whose thumbnail is there, or None.

        Args:
            image: The picture that was drawn on; only its size is used.
            x: px.
            y: px.
        """
        for index, (left, top, side) in enumerate(self._places(image)):
            if left <= x < left + side and top <= y < top + side:
                return index
        return None

    def _places(self, image: UInt8) -> list[tuple[int, int, int]]:
        """Left, top and side of each thumbnail in px; as many as fit."""
        height, width = image.shape[:2]
        side = int(min(_SHARE * height, (width - _GAP) / max(len(self._looks), 1) - _GAP))
        if len(self._looks) < 2 or side < 16:
            return []
        return [
            (_GAP + index * (side + _GAP), height - side - _GAP, side)
            for index in range(len(self._looks))
        ]

    def _tile(self, index: int, side: int) -> UInt8:
        import cv2

        if not self._tiles or self._tiles[0].shape[0] != side:
            self._tiles = tuple(
                np.asarray(cv2.resize(_face(look), (side, side), interpolation=cv2.INTER_AREA))
                for look in self._looks
            )
        return self._tiles[index]


def _face(look: Look) -> UInt8:
    """The look's atlas on grey, cut to the face."""
    seen = (look.visibility > 0)[..., None]
    shown: UInt8 = np.where(seen, look.colour, np.uint8(40))
    return shown
