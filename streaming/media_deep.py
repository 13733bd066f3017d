"""Video samples deeper than 8 bits, as they are stored, and what an 8-bit picture changes in them.

Where the picture was not changed every sample keeps its value; elsewhere it is the stored sample
plus the change. HDR is not its business: that is tone-mapped or refused before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tryon.streaming.media_pixels import FULL, Colour, turn, upright
from tryon.types import Float32, Frame, UInt8

UInt16 = NDArray[np.uint16]
SMALL = 128  # px; libx265 4.x writes past its memory in some smaller pictures
_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420"}  # luma samples across and down for each
# The scaler's number of a matrix -> weights of red and blue in luma (ISO/IEC 23091-2).
_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True, eq=False)
class Deep:
    """The samples of one picture, upright: luma, blue and red difference."""

    planes: tuple[UInt16, UInt16, UInt16]
    pix_fmt: str  # the codec library's name of the format they are in
    scale: tuple[float, float]  # steps of luma and of chroma for one level of 8-bit RGB
    weights: tuple[float, float]  # of red and blue in luma

    def changed(self, before: UInt8, after: UInt8) -> Deep:
        """The same with the change from one picture to another.

        Args:
            before: (H, W, 3) uint8 RGB, the picture made of these samples.
            after: the same, changed.
        """
        rows, columns = _box(before, after)
        change = after[rows, columns].astype(np.float32) - before[rows, columns]
        red, blue = self.weights
        luma = change @ np.array([red, 1 - red - blue, blue], np.float32)
        most = (1 << int(self.pix_fmt[-4:-2])) - 1
        deltas = (
            self.scale[0] * luma,
            self.scale[1] * (change[..., 2] - luma) / (2 * (1 - blue)),
            self.scale[1] * (change[..., 0] - luma) / (2 * (1 - red)),
        )
        luma_plane, blue_plane, red_plane = (
            _plus(plane, delta, (rows, columns), before.shape, most)
            for plane, delta in zip(self.planes, deltas, strict=True)
        )
        return replace(self, planes=(luma_plane, blue_plane, red_plane))

    def frame(self) -> Any:
        """A frame for the encoder."""
        import av

        height, width = self.planes[0].shape
        frame = av.VideoFrame(width, height, self.pix_fmt)
        for samples, plane in zip(self.planes, frame.planes, strict=True):
            padded = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            padded[:, : plane.width] = samples
            plane.update(padded)
        return frame


@dataclass(frozen=True, slots=True, eq=False)
class DeepFrame(Frame):
    """A frame that still has the samples its 8-bit picture was made of."""

    deep: Deep | None = None


def made_up(frame: Frame, image: UInt8) -> UInt8 | Deep:
    """A picture made of a frame, as deep as the frame was.

    Args:
        frame: As read.
        image: (H, W, 3) uint8 RGB, what was made of `frame.image`.
    """
    deep = frame.deep if isinstance(frame, DeepFrame) else None
    if deep is None or image is frame.image:
        return image if deep is None else deep
    return deep.changed(frame.image, image)


def deep_format(frame: Any) -> str:
    """The format in which a decoded frame's samples are kept, "" if 8 bits a channel are enough.

    Twelve bits are the most that the encoder takes, and `SMALL` is the least side. Odd sizes, and
    4:2:2 that is to be turned, need chroma for every pixel.
    """
    kinds = frame.format.components
    if len(kinds) < 3 or frame.format.is_rgb or kinds[0].bits <= 8:
        return ""
    if min(frame.width, frame.height) < SMALL:
        return ""
    sides = round(frame.width / kinds[1].width), round(frame.height / kinds[1].height)
    chroma = _CHROMA.get(sides, "444")
    if frame.width % 2 or frame.height % 2 or (chroma == "422" and turn(frame)[0]):
        chroma = "444"
    return f"yuv{chroma}p{10 if kinds[0].bits <= 10 else 12}le"


def deep_of(frame: Any, pix_fmt: str, colour: Colour) -> Deep:
    """The samples of a decoded frame.

    Args:
        frame: The frame.
        pix_fmt: Of `deep_format`.
        colour: Its tags.
    """
    plain = frame
    if frame.format.name != pix_fmt:
        kept = colour.sws_range
        plain = frame.reformat(format=pix_fmt, src_color_range=kept, dst_color_range=kept)
    luma, blue, red = (upright(_samples(plane), frame) for plane in plain.planes[:3])
    bits = int(pix_fmt[-4:-2])
    if colour.range == FULL:
        scale = ((1 << bits) - 1) / 255, ((1 << bits) - 1) / 255
    else:
        scale = (219 << bits - 8) / 255, (224 << bits - 8) / 255
    weights = _WEIGHTS[colour.sws_matrix(frame.height)]
    return Deep((luma, blue, red), pix_fmt, scale, weights)


def _samples(plane: Any) -> UInt16:
    rows = np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2)
    return rows[:, : plane.width]


def _box(before: UInt8, after: UInt8) -> tuple[slice, slice]:
    """Where two pictures differ, widened to even numbers."""
    differs = (before != after).any(-1)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    height, width = differs.shape
    return (
        slice(rows[0] // 2 * 2, min(height, rows[-1] // 2 * 2 + 2)),
        slice(columns[0] // 2 * 2, min(width, columns[-1] // 2 * 2 + 2)),
    )


def _plus(
    plane: UInt16, delta: Float32, box: tuple[slice, slice], shape: tuple[int, ...], most: int
) -> UInt16:
    """A plane with a change, given for each pixel of a box, at the plane's own resolution."""
    down, across = shape[0] // plane.shape[0], shape[1] // plane.shape[1]
    height, width = delta.shape
    small = delta.reshape(height // down, down, width // across, across).mean((1, 3))
    place = tuple(
        slice(s.start // n, s.stop // n) for s, n in zip(box, (down, across), strict=True)
    )
    plane = plane.copy()
    plane[place] = np.clip(np.rint(plane[place] + small), 0, most)
    return plane
