"""Frames as they come -> frames that can be worked on, with a time that never runs backwards."""

from __future__ import annotations

import time

import numpy as np

from tryon.errors import ImageError
from tryon.types import Frame, UInt8

MIN_SIDE, MAX_SIDE = 64, 8192  # px
_SEEK = 1.0  # s back from which a stream counts as another place, not as a clock that errs


class Intake:
    """Checks the frames of one stream and keeps their time."""

    def __init__(self) -> None:
        self._index = 0
        self._last = -np.inf

    def reset(self) -> None:
        """Forget the time, as after a cut."""
        self._last = -np.inf

    def frame(self, frame: UInt8 | Frame) -> Frame:
        """A picture or a frame as a frame.

        Raises:
            ImageError: it is no (H, W, 3) uint8 RGB array of a usable size.
        """
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._index, None, time.monotonic_ns())
        image = frame.image
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
            raise ImageError("a frame must be a (H, W, 3) uint8 RGB array")
        height, width, channels = image.shape
        if channels != 3 or min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
            raise ImageError(
                f"a frame of shape {image.shape} cannot be used; give RGB, "
                f"{MIN_SIDE} to {MAX_SIDE} px a side"
            )
        self._index = frame.index + 1
        return frame

    def is_seek(self, frame: Frame) -> bool:
        """Whether the frame is from before what was seen: what was tracked is of another place."""
        return _told(frame) < self._last - _SEEK

    def seconds(self, frame: Frame) -> float:
        """Time of the frame, later than the last one's whatever the source's clock does."""
        self._last = max(_told(frame), self._last + 1e-3)
        return self._last


def _told(frame: Frame) -> float:
    """The time a frame tells, s; one that tells none was captured just now."""
    captured = frame.captured_at or time.monotonic_ns()
    return float(frame.pts) if frame.pts is not None else captured / 1e9
