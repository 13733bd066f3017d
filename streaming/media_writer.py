"""Turns RGB frames into a video file beside which audio and subtitles are copied untouched.

A half-written or overwritten file is never left under the name that was asked for, and no time
stamp is changed.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from os import PathLike
from typing import Any

from tryon.errors import MediaError
from tryon.streaming.media import VideoInfo
from tryon.streaming.media_deep import Deep
from tryon.streaming.media_files import media_errors
from tryon.streaming.media_output import OutputFile
from tryon.streaming.media_pixels import FULL, LIMITED, RGB_MATRIX, Colour, to_yuv
from tryon.types import UInt8

_LIVE_TIME_BASE = Fraction(1, 90_000)


class VideoWriter:
    """A writer of H.264 (libx264, CRF 18), or of H.265 (libx265) for more than 8 bits a channel.

    Even sizes are written as 4:2:0. Odd sizes, which 4:2:0 cannot hold, are written as 4:4:4
    and `notices` says so. A picture that differs in size from the first is scaled to it. Deep
    samples are written in the format and range they have.

    Args:
        path: Output; its suffix chooses the container (MP4, MOV or MKV).
        like: The input whose time base, pixel aspect, colour tags, metadata and other streams
            are kept; None for a live recording.
        overwrite: Whether an existing file may be replaced.
        start: The output begins at this time stamp, s; it becomes 0. None keeps time stamps.
        end: Copied streams stop at this time stamp, s.
        preset: The encoder's speed preset.
        others: Whether the input's other streams are copied.

    Raises:
        MediaError: The output cannot be written; nothing was started.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        like: VideoInfo | None = None,
        overwrite: bool = False,
        start: Fraction | None = None,
        end: Fraction | None = None,
        preset: str = "veryfast",
        others: bool = True,
    ) -> None:
        self._like, self._preset, self._others = like, preset, others
        self._start, self._end = start, end
        self._base = _LIVE_TIME_BASE if like is None else like.time_base
        self._notices: list[str] = []
        self._colour = Colour() if like is None else like.colour
        self._deep = "" if like is None else like.deep
        if self._colour.matrix == RGB_MATRIX:  # H.264 holds YUV here, so tag it as such
            self._colour = Colour()
        if self._colour.range == FULL and not self._deep:
            # The scaler rounds full-range chroma down, half a level a pass; limited range it
            # gets right, and more players show it right.
            self._colour = replace(self._colour, range=LIMITED)
            self._note("full colour range is written as limited range, with the same colours")
        self._stream: Any = None
        self._last = -1 << 62
        self._file = OutputFile(path, like=like, overwrite=overwrite, time_base=self._base)
        self.path = self._file.path

    @property
    def notices(self) -> list[str]:
        """What the user should know about the output."""
        return [*self._notices, *self._file.notices]

    def write(self, image: UInt8 | Deep, pts: Fraction) -> None:
        """Append one picture.

        Args:
            image: (H, W, 3) uint8 RGB, or deeper samples.
            pts: Time stamp, s; a time not after the last one is moved to the next tick.

        Raises:
            MediaError: Encoding or writing failed (disk full, for one).
        """
        if self._file.closed:
            raise MediaError(f"{self.path} was closed; open a new writer")
        with media_errors(self.path):
            height, width = (image.planes[0] if isinstance(image, Deep) else image).shape[:2]
            if self._stream is None:
                self._open(width, height)
            s = self._stream
            if (width, height) != (s.width, s.height):
                self._note("pictures of another size were scaled to the first")
            if isinstance(image, Deep):
                frame = image.frame().reformat(s.width, s.height, s.pix_fmt)
            else:
                frame = to_yuv(image, s.width, s.height, s.pix_fmt, self._colour)
            frame.time_base = self._base
            frame.pts = max(round((pts - (self._start or 0)) / self._base), self._last + 1)
            self._last = frame.pts
            self._file.mux(self._encode(frame), pts)

    def close(self) -> None:
        """Finish the file and give it its name; with no picture written, leave nothing.

        Raises:
            MediaError: The last packets could not be written; nothing is left.
        """
        if self._file.closed:
            return
        try:
            if self._stream is not None:
                with media_errors(self.path):
                    last = self._encode(None)
                self._file.finish(last)
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up: remove what was written. Harmless after `close`."""
        self._file.abort()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _open(self, width: int, height: int) -> None:
        container = self._file.open()
        rate = Fraction(30) if self._like is None else self._like.rate
        options = {"preset": self._preset, "crf": "18"}
        if self._deep:
            # With B-frames libx265 makes up decoding times for a clip of one or two pictures.
            options["x265-params"] = "log-level=error:bframes=0"
        stream = container.add_stream(
            "libx265" if self._deep else "libx264", rate=rate, options=options
        )
        stream.width, stream.height = width, height
        stream.pix_fmt = self._deep or "yuv420p"
        if self._deep:
            stream.codec_context.codec_tag = "hvc1"  # some players know it by this name only
            self._note(f"written as H.265, which keeps the {self._deep[-4:-2]} bits a channel")
        if width % 2 or height % 2:
            stream.pix_fmt = self._deep or "yuv444p"
            self._note(f"odd size {width}x{height}: written as 4:4:4, which some players refuse")
        context = stream.codec_context
        stream.time_base = context.time_base = self._base
        context.colorspace, context.color_range = self._colour.matrix, self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        self._stream, self._tick = stream, max(1, round(1 / rate / self._base))
        if self._like is not None:
            context.sample_aspect_ratio = self._like.sample_aspect
        if self._others:
            self._file.copy_others(self._start, self._end)

    def _encode(self, frame: Any) -> list[Any]:
        packets: list[Any] = self._stream.encode(frame)
        for packet in packets:
            packet.duration = self._tick  # containers derive it, but for the last picture
        return packets

    def _note(self, text: str) -> None:
        if text not in self._notices:
            self._notices.append(text)
