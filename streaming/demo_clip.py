"""A built-in moving face: turns a frame number into a picture, for machines without a camera.

The same number always gives the same picture and the clip loops without a seam; it is one
portrait moved by an affine map, so it never turns its head, blinks or speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files
from math import cos, pi, sin
from time import monotonic_ns

import numpy as np

from tryon.errors import ConfigError
from tryon.types import Frame, UInt8

FPS = 30
LOOP = 300  # frames: ten seconds

# The face in the asset: centre and width of its landmarks, px of the asset.
_FACE_X, _FACE_Y, _FACE_WIDTH = 225.0, 125.0, 90.0
_FACE_SHARE = 300 / 720  # width of the face as a share of the clip's shorter side


class DemoClip:
    """The demo as a frame source, paced by its time stamps like a file.

    Args:
        width: Width of the clip in px, at least 16.
        height: Height of the clip in px, at least 16.

    Raises:
        ConfigError: The size is outside 16..7680.
    """

    live = False

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        if not (16 <= width <= 7680 and 16 <= height <= 7680):
            raise ConfigError(f"size {width}x{height} is outside 16..7680; use 1280x720")
        self._size = width, height
        self._closed = False
        self._portrait, self._anchor = _portrait(_FACE_SHARE * min(width, height) / _FACE_WIDTH)

    @property
    def description(self) -> str:
        """What plays, in words."""
        return f"built-in demo clip, {self._size[0]}x{self._size[1]} at {FPS} fps"

    def frame(self, index: int) -> Frame:
        """Draw one frame.

        Args:
            index: Frame number from 0; the picture repeats every `LOOP` frames.
        """
        import cv2

        width, height = self._size
        a = 2 * pi * (index % LOOP) / LOOP  # every motion below is a harmonic of it: no seam
        scale = 1 + 0.08 * sin(a + 1)
        turn = np.deg2rad(6.0) * sin(2 * a)
        x = width / 2 + 0.12 * min(width, height) * sin(a)
        y = height / 2 + 0.03 * min(width, height) * sin(3 * a)
        c, s = scale * cos(turn), scale * sin(turn)
        ax, ay = self._anchor
        matrix = np.array([[c, -s, x - c * ax + s * ay], [s, c, y - s * ax - c * ay]])
        image = cv2.warpAffine(
            self._portrait, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        return Frame(image, index, Fraction(index, FPS), monotonic_ns())

    def frames(self) -> Iterator[Frame]:
        """The clip, over and over, until `close`."""
        index = 0
        while not self._closed:
            yield self.frame(index)
            index += 1

    def close(self) -> None:
        """End `frames` after the picture in hand."""
        self._closed = True


def _portrait(scale: float) -> tuple[UInt8, tuple[float, float]]:
    """The asset at the size it is shown, on a blurred continuation of itself.

    Returns:
        (H, W, 3) uint8 RGB, and the centre of the face in it (px).
    """
    import cv2

    data = np.frombuffer((files("tryon.streaming") / "assets" / "demo_face.jpg").read_bytes(), "u1")
    image = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    interpolation = cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_AREA
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
    height, width = image.shape[:2]

    pad, soft = width // 2, max(3, width // 24)
    wide = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    # Blurring a thumbnail is the same to the eye as a huge blur, and far cheaper.
    thumb = cv2.resize(wide, (64, 64), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(thumb, (0, 0), 2), wide.shape[1::-1])
    inside = np.zeros((height, width), np.float32)
    inside[soft:-soft, soft:-soft] = 1
    inside = cv2.blur(inside, (2 * soft + 1, 2 * soft + 1), borderType=cv2.BORDER_CONSTANT)
    middle = wide[pad : pad + height, pad : pad + width]
    middle[:] = cv2.blendLinear(image, middle, inside, 1 - inside)
    centre = (pad + _FACE_X * scale, pad + _FACE_Y * scale)
    return wide, centre
