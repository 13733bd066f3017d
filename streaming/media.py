"""Turns a local video file into upright RGB frames with their exact time stamps.

It never drops or duplicates a frame, never opens anything but a local file, and never guesses
at HDR: what it cannot show faithfully it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from threading import Lock
from time import monotonic_ns
from typing import Any

import numpy as np

from tryon.errors import MediaError
from tryon.types import Frame, UInt8

MAX_PIXELS = 8192 * 4352  # 8K with room; x264 itself stops at 16384 px a side

# Numbers of ISO/IEC 23091-2 ("CICP"), which FFmpeg and every container use.
BT709, SMPTE170M, UNSPECIFIED = 1, 6, 2
LIMITED, FULL = 1, 2
# Demuxers of files that hold their pictures themselves; playlists, which name other files and
# addresses, are left out.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,apng,nut,mxf,ivf,h264,hevc,"
    "obu,yuv4mpegpipe,dv,rm,image2,png_pipe,jpeg_pipe,webp_pipe,aac,mp3,wav,flac"
)
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
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


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video once its first frame is decoded."""

    path: Path
    width: int  # px, upright
    height: int  # px, upright
    rate: Fraction  # frames per s, nominal
    time_base: Fraction  # s; the unit of the time stamps
    start: Fraction  # s, time stamp at which the container begins
    frame_count: int  # estimate; 0 when unknown
    sample_aspect: Fraction  # width : height of one pixel, upright
    colour: Colour
    codec: str


def local_path(value: str | PathLike[str]) -> Path:
    """Check that a path names a local file.

    Args:
        value: What the user gave.

    Returns:
        The path.

    Raises:
        MediaError: It is missing, a folder, empty, or a protocol string such as `http://`.
    """
    path = Path(value)
    if not path.exists():
        # Two letters at least, so that a Windows drive is not taken for a protocol.
        if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:", str(value)):
            raise MediaError(f"{value} is not a local file; download it first")
        raise MediaError(f"{value} does not exist; check the path")
    if not path.is_file():
        raise MediaError(f"{value} is not a file; give a video file")
    if path.stat().st_size == 0:
        raise MediaError(f"{value} is empty; copy or record it again")
    return path


def open_container(path: Path) -> Any:
    """Open a local file for demuxing, with every other protocol switched off.

    Raises:
        MediaError: It is not a media file.
    """
    import av

    try:
        # "file:" keeps a name such as "concat:x" or "-x" from being anything but a name.
        return av.open(
            f"file:{path}", options={"protocol_whitelist": "file", "format_whitelist": _FORMATS}
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} cannot be read as a video ({_reason(error)}); "
            "it may be damaged or of another kind"
        ) from error


class VideoReader:
    """A video file as a frame source.

    Opening decodes the first frame, so that a file which cannot be shown is refused before
    any work starts. Pixels are 8-bit RGB, rotated upright; alpha and depth above 8 bits are
    dropped and said in `notices`.

    Args:
        path: A local file.
        start: Skip frames before this time, s from the beginning.
        end: Stop before this time, s from the beginning; None plays to the end.

    Raises:
        MediaError: The file cannot be shown; the message says why.
    """

    live = False

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        start: Fraction | float = 0,
        end: Fraction | float | None = None,
    ) -> None:
        if not 0 <= start < (float("inf") if end is None else end):
            raise MediaError(f"start {start} and end {end} leave nothing; start must be < end")
        self.path = local_path(path)
        self.damaged = 0  # packets that could not be decoded
        self.repaired = 0  # time stamps that were missing or did not increase
        self._closed = False
        self._busy = Lock()  # held by whoever uses the container
        self._container = open_container(self.path)
        try:
            self._open(_exact(start), None if end is None else _exact(end))
        except BaseException:
            self._container.close()
            raise

    def _open(self, start: Fraction, end: Fraction | None) -> None:
        from av.stream import Disposition

        stream = self._container.streams.best("video")
        if stream is None or stream.disposition & Disposition.attached_pic:
            raise MediaError(f"{self.path} has no video stream; give a file with pictures")
        if not hasattr(stream.codec_context, "decode"):
            raise MediaError(f"{self.path} uses an unknown codec; convert it to H.264 first")
        _check_size(self.path, stream.codec_context.width, stream.codec_context.height)
        stream.thread_type = "AUTO"
        self._stream, self._rate = stream, _rate(stream)
        began = Fraction(self._container.start_time or 0, 1_000_000)
        self._first = began + start if start else None
        self._end = None if end is None else began + end
        if start:
            self._container.seek(int((began + start) * 1_000_000))

        self._decoded = self._decode()
        peeked = next(self._decoded, None)
        if peeked is None:
            raise MediaError(f"{self.path} has no frame that can be decoded; it may be damaged")
        self._peeked: tuple[Any, Fraction] | None = peeked
        frame = peeked[0]
        colour = _colour(frame)
        if colour.transfer in _HDR_TRANSFERS:
            raise MediaError(
                f"{self.path} is HDR video ({_HDR_TRANSFERS[colour.transfer]}), which would "
                "come out washed out; convert it to SDR (BT.709) first"
            )
        turned = _turn(frame)[0]
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        seconds = Fraction(self._container.duration or 0, 1_000_000)
        seconds = seconds if end is None else min(seconds, end)
        self.info = VideoInfo(
            path=self.path,
            width=frame.height if turned else frame.width,
            height=frame.width if turned else frame.height,
            rate=self._rate,
            time_base=stream.time_base,
            start=began,
            frame_count=max(0, round((seconds - start) * self._rate)),
            sample_aspect=1 / aspect if turned else aspect,
            colour=colour,
            codec=stream.codec_context.name,
        )
        self.notices = tuple(_notices(frame))

    @property
    def description(self) -> str:
        """What plays, in words."""
        i = self.info
        return f"{self.path.name}, {i.width}x{i.height} at {float(i.rate):.4g} fps, {i.codec}"

    def frames(self) -> Iterator[Frame]:
        """Every frame once, with strictly increasing time stamps.

        Yields:
            Frames as (H, W, 3) uint8 RGB, upright; `pts` in s as the container states it.
        """
        with self._busy:
            try:
                index = 0
                peeked, self._peeked = self._peeked, None
                while peeked is not None and not self._closed:
                    frame, pts = peeked
                    yield Frame(_to_rgb(frame, self.info.colour), index, pts, monotonic_ns())
                    index += 1
                    peeked = next(self._decoded, None) if not self._closed else None
            finally:
                self._container.close()

    def close(self) -> None:
        """End `frames` after the frame in hand and release the file; safe from any thread."""
        self._closed = True
        if self._busy.acquire(blocking=False):
            self._container.close()
            self._busy.release()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self) -> Iterator[tuple[Any, Fraction]]:
        """Decoded frames with their time stamps (s); damaged packets are counted and skipped."""
        last: Fraction | None = None
        base = self._stream.time_base
        for frame in self._raw():
            if frame.pts is None:
                pts = last + 1 / self._rate if last is not None else Fraction(0)
            else:
                pts = frame.pts * base
            if frame.pts is None or (last is not None and pts <= last):
                self.repaired += 1
                pts = pts if last is None or pts > last else last + base
            last = pts
            if self._end is not None and pts >= self._end:
                return
            if self._first is None or pts >= self._first:
                _check_size(self.path, frame.width, frame.height)
                yield frame, pts

    def _raw(self) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # the rest of the file is cut off or unreadable
                self.damaged += 1
                packet = None
            try:
                decoded = self._stream.decode(packet)  # None drains the decoder
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.damaged += 1
                decoded = []
            for frame in decoded:
                self.damaged += bool(frame.is_corrupt)
                yield frame
            if packet is None:
                return


def _to_rgb(frame: Any, colour: Colour) -> UInt8:
    """Decoded frame -> (H, W, 3) uint8 RGB, upright.

    Chroma is taken from the nearest sample: with area averaging on the way back (the writer)
    an untouched pixel returns to the very value it had, which smoother filters do not do.
    """
    import av
    from av.video.reformatter import Interpolation as How

    plain = frame
    if frame.format.name in ("yuv420p", "yuvj420p") and not (frame.width | frame.height) % 2:
        # A copy forgets where the chroma samples sit between the pixels. The writer cannot state
        # it, and stated on one way only it would shift the colours by a quarter pixel.
        plain = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=frame.format.name)
    image: UInt8 = plain.to_ndarray(
        format="rgb24",
        src_colorspace=colour.sws_matrix(frame.height),
        src_color_range=colour.sws_range,
        dst_color_range=FULL,
        interpolation=How.POINT | How.ACCURATE_RND | How.FULL_CHR_H_INT,
    )
    transposed, flip_x, flip_y = _turn(frame)
    image = image.transpose(1, 0, 2) if transposed else image
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _turn(frame: Any) -> tuple[bool, bool, bool]:
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


def _colour(frame: Any) -> Colour:
    full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    return Colour(
        int(frame.colorspace),
        FULL if full else int(frame.color_range),
        int(frame.color_primaries),
        int(frame.color_trc),
    )


def _notices(frame: Any) -> Iterator[str]:
    components = frame.format.components
    if any(c.is_alpha for c in components):
        yield "transparency is dropped"
    if any(c.bits > 8 for c in components):
        yield "more than 8 bits a channel: processed at 8 bits"


def _rate(stream: Any) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 1 <= rate <= 1000:
            return Fraction(rate)
    return Fraction(30)


def _exact(seconds: Fraction | float) -> Fraction:
    """What a person means by 0.28: 7/25, not the nearest binary fraction."""
    return Fraction(seconds).limit_denominator(1_000_000)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path} is {width}x{height}, above the limit of {MAX_PIXELS / 1e6:.0f} megapixels; "
            "scale it down first"
        )


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
