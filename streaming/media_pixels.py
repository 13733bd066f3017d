"""Pixels of the codec library's frames to RGB arrays and back, with their colour tags.

Upright once, in the stored matrix and range, so that a picture nobody touched returns to the very
values it had; it opens no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tryon.types import UInt8

# Numbers of ISO/IEC 23091-2 ("CICP"), which FFmpeg and every container use.
BT709, SMPTE170M, UNSPECIFIED = 1, 6, 2
LIMITED, FULL = 1, 2
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
RGB_MATRIX = 0
_SWS_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # CICP matrix -> swscale's number


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags of a stream, as CICP numbers; 2 (0 for the range) means unspecified."""

    matrix: int = BT709
    range: int = LIMITED
    primaries: int = BT709
    transfer: int = BT709

    def sws_matrix(self, height: int) -> int:
        """The scaler's number of the matrix; an untagged one follows the players' rule.

        Args:
            height: Height of the picture in px: 720 and more means BT.709, less BT.601.
        """
        fallback = BT709 if height >= 720 else SMPTE170M
        return _SWS_MATRICES.get(self.matrix, _SWS_MATRICES[fallback])

    @property
    def sws_range(self) -> int:
        """The scaler's number of the range; untagged means limited."""
        return FULL if self.range == FULL else LIMITED


def to_rgb(frame: Any, colour: Colour) -> UInt8:
    """Decoded frame -> (H, W, 3) uint8 RGB, upright.

    Chroma is taken from the nearest sample: with area averaging on the way back (`to_yuv`) an
    untouched pixel returns to the very value it had, which smoother filters do not do.
    """
    import av

    plain = frame
    if frame.format.name in ("yuv420p", "yuvj420p") and not (frame.width | frame.height) % 2:
        # A copy forgets where the chroma samples sit between the pixels. The writer cannot state
        # it, and stated on one way only it would shift the colours by a quarter pixel.
        plain = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=frame.format.name)
    return upright(_array(plain, colour, "rgb24"), frame)


def to_rgb16(frame: Any, colour: Colour) -> NDArray[np.uint16]:
    """Decoded frame -> (H, W, 3) uint16 RGB, full range, upright; for HDR."""
    return upright(_array(frame, colour, "rgb48le"), frame)


def to_yuv(image: UInt8, width: int, height: int, pix_fmt: str, colour: Colour) -> Any:
    """(H, W, 3) uint8 RGB -> a frame for the encoder, scaled to a size if it has another."""
    import av
    from av.video.reformatter import Interpolation as How

    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        width=width,
        height=height,
        format=pix_fmt,
        src_color_range=FULL,
        dst_colorspace=colour.sws_matrix(height),
        dst_color_range=colour.sws_range,
        interpolation=How.AREA | How.ACCURATE_RND | How.FULL_CHR_H_INP,
    )


def _array(frame: Any, colour: Colour, kind: str) -> NDArray[Any]:
    from av.video.reformatter import Interpolation as How

    array: NDArray[Any] = frame.to_ndarray(
        format=kind,
        src_colorspace=colour.sws_matrix(frame.height),
        src_color_range=colour.sws_range,
        dst_color_range=FULL,
        interpolation=How.POINT | How.ACCURATE_RND | How.FULL_CHR_H_INT,
    )
    return array


def upright(image: NDArray[Any], frame: Any) -> NDArray[Any]:
    """Turn (H, W, ...) as stored to how it is meant to be seen."""
    transposed, flip_x, flip_y = turn(frame)
    image = image.swapaxes(0, 1) if transposed else image
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def turn(frame: Any) -> tuple[bool, bool, bool]:
    """How to bring a frame upright: transpose, then flip x, then flip y.

    The container's display matrix maps stored to shown pixels: x' = a x + c y, y' = b x + d y,
    row by row (a, b, u, c, d, v, ...). Only the nearest right angle is applied.
    """
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if abs(b) > abs(a):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def colour_of(frame: Any) -> Colour:
    """The tags of a decoded frame."""
    full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    return Colour(
        int(frame.colorspace),
        FULL if full else int(frame.color_range),
        int(frame.color_primaries),
        int(frame.color_trc),
    )
