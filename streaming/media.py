"""Turns a local video file into upright RGB frames with their exact time stamps.

It never drops or duplicates a frame, and never guesses at HDR: that is refused, or tone-mapped
when asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from threading import Lock
from time import monotonic_ns
from typing import Any

from tryon.errors import MediaError
from tryon.streaming.media_deep import DeepFrame, deep_format, deep_of
from tryon.streaming.media_files import local_path, open_container
from tryon.streaming.media_pixels import HDR_TRANSFERS, Colour, colour_of, to_rgb, to_rgb16, turn
from tryon.streaming.tone_map import ToneMap
from tryon.types import Frame, UInt8

MAX_PIXELS = 8192 * 4352  # 8K with room; x264 itself stops at 16384 px a side


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
    deep: str = ""  # pixel format of samples deeper than 8 bits that are kept, "" for none


class VideoReader:
    """A video file as a frame source.

    Opening decodes the first frame, so that a file which cannot be shown is refused before
    any work starts. Pixels are 8-bit RGB, rotated upright, for faces are worked on at 8 bits;
    frames of deeper SDR video bring their samples along (`DeepFrame`). Transparency is dropped, and
    what else is lost is said in `notices`.

    Args:
        path: A local file.
        start: Skip frames before this time, s from the beginning.
        end: Stop before this time, s from the beginning; None plays to the end.
        tone_map: Bring HDR (PQ, HLG) to BT.709 instead of refusing it.

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
        tone_map: bool = False,
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
            self._open(_exact(start), None if end is None else _exact(end), tone_map)
        except BaseException:
            self._container.close()
            raise

    def _open(self, start: Fraction, end: Fraction | None, tone_map: bool) -> None:
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
        self._colour = colour_of(frame)
        self._tone_map: ToneMap | None = None
        kind = HDR_TRANSFERS.get(self._colour.transfer)
        if kind is not None:
            if not tone_map:
                raise MediaError(
                    f"{self.path} is HDR video ({kind}), which would come out washed out; "
                    "add --tone-map, or convert it to SDR (BT.709) first"
                )
            self._tone_map = ToneMap(self._colour)
        turned = turn(frame)[0]
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
            colour=self._colour if self._tone_map is None else Colour(),
            codec=stream.codec_context.name,
            deep=deep_format(frame) if kind is None else "",
        )
        self.notices = tuple(_notices(frame, kind, self.info.deep))

    @property
    def description(self) -> str:
        """What plays, in words."""
        i = self.info
        return f"{self.path.name}, {i.width}x{i.height} at {float(i.rate):.4g} fps, {i.codec}"

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """Every frame once, with strictly increasing time stamps.

        Args:
            skip: Leave out so many at the beginning; they are decoded all the same, so that the
                others are numbered and timed as if they had been asked for.

        Yields:
            Frames as (H, W, 3) uint8 RGB, upright; `pts` in s as the container states it.
        """
        with self._busy:
            try:
                index = 0
                peeked, self._peeked = self._peeked, None
                while peeked is not None and not self._closed:
                    frame, pts = peeked
                    if index >= skip:
                        yield self._frame(frame, index, pts)
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

    def _frame(self, frame: Any, index: int, pts: Fraction) -> Frame:
        image = self._to_rgb(frame)
        if not self.info.deep:
            return Frame(image, index, pts, monotonic_ns())
        deep = deep_of(frame, self.info.deep, self._colour)
        made: Frame = DeepFrame(image, index, pts, monotonic_ns(), deep)
        return made

    def _to_rgb(self, frame: Any) -> UInt8:
        if self._tone_map is None:
            image: UInt8 = to_rgb(frame, self._colour)
        else:
            image = self._tone_map(to_rgb16(frame, self._colour))
        return image

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


def _notices(frame: Any, hdr: str | None, deep: str) -> Iterator[str]:
    components = frame.format.components
    if any(c.is_alpha for c in components):
        yield "transparency is dropped"
    if hdr is not None:
        yield f"HDR ({hdr}) is tone-mapped to BT.709, 8 bits a channel"
    elif components[0].bits > 8 and not deep:
        why = "it is no YUV video" if frame.format.is_rgb or len(components) < 3 else "it is small"
        yield f"more than 8 bits a channel are written as 8: {why}"
    elif components[0].bits > 12:
        yield "more than 12 bits a channel are written as 12"


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
