"""A blink drawn on a still: a picture and how far the lids are down -> the picture, and the eye.

The lid's skin slides down over the eye, so it is known which pixels are eye and which are lid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tryon.face import landmarks as lm
from tryon.face.curves import catmull_rom
from tryon.types import Face, Float32, UInt8

Mask = NDArray[np.bool_]
EDGE = 2.0  # px beside a lid that are neither eye nor lid


def blink(image: UInt8, face: Face, shut: float) -> tuple[UInt8, Mask]:
    """Lower the lids.

    Args:
        image: (H, W, 3) uint8 RGB with open eyes.
        face: its landmarks there.
        shut: 0 as it is .. 1 closed.

    Returns:
        The picture, and (H, W) bool: pixels of the eyeballs that are left, EDGE px from any edge.
    """
    out, eyes = image.copy(), np.zeros(image.shape[:2], bool)
    for eye in lm.EYES:
        upper, lower = (_curve(face, contour) for contour in (eye.upper, eye.lower))
        x0 = int(np.ceil(max(upper[0, 0], lower[0, 0])))
        x1 = int(np.floor(min(upper[-1, 0], lower[-1, 0])))
        for x in range(max(x0, 0), min(x1, image.shape[1] - 1)):
            centre = x + 0.5
            top, bottom = (float(np.interp(centre, c[:, 0], c[:, 1])) for c in (upper, lower))
            if bottom - top < 1:
                continue
            edge = top + shut * (bottom - top)
            _lower(out, x, top, edge)
            first, last = int(np.ceil(edge + EDGE - 0.5)), int(np.floor(bottom - EDGE - 0.5))
            if last >= first >= 0:
                eyes[first : last + 1, x] = True
    return out, eyes


def _curve(face: Face, contour: tuple[int, ...]) -> Float32:
    """A lash line from left to right in the picture."""
    curve = catmull_rom(face.landmarks[list(contour), :2], 6)
    return curve[np.argsort(curve[:, 0])]


def _lower(image: UInt8, x: int, top: float, edge: float) -> None:
    """Fill a column from the lash line to the lid's edge with the skin above it, mirrored."""
    first, last = int(np.floor(top)), int(np.floor(edge))
    if last <= first:
        return
    rows = np.arange(first, min(last + 1, image.shape[0]))
    source = np.clip(2 * first - rows - 2, 0, image.shape[0] - 1)
    image[rows, x] = image[source, x]
    image[rows[-1:], x] = (image[rows[-1:], x] * 0.35).astype(np.uint8)  # the lashes
