"""Turns RGB frames into an H.264 file beside which audio and subtitles are copied untouched.

It writes under a temporary name and renames at the end, so a half-written or overwritten
file is never left under the name that was asked for; it never changes a time stamp.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from itertools import count
from math import lcm
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tryon.errors import MediaError
from tryon.streaming.media import FULL, LIMITED, Colour, VideoInfo, local_path, open_container
from tryon.types import UInt8

SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")
_LIVE_TIME_BASE = Fraction(1, 90_000)
_RGB_MATRIX = 0
_serial = count()


def check_output(
    path: str | PathLike[str], *, source: Path | None = None, overwrite: bool = False
) -> Path:
    """Refuse an output that cannot or must not be written, before any work is done.

    Args:
        path: Where the video shall go.
        source: The input, which must not be overwritten.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MediaError: The suffix is unknown, the folder missing, the file exists, or it is the
            input itself.
    """
    out = Path(path)
    if out.suffix.lower() not in SUFFIXES:
        raise MediaError(f"{out} has no video suffix; use one of {', '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise MediaError(f"folder {out.parent} does not exist; create it first")
    if out.is_dir():
        raise MediaError(f"{out} is a folder; give a file name")
    if out.exists():
        if source is not None and out.samefile(source):
            raise MediaError(f"{out} is the input itself; choose another output")
        if not overwrite:
            raise MediaError(f"{out} exists; choose another output or pass --overwrite")
    return out


class VideoWriter:
    """An H.264 writer (libx264, CRF 18) for one file.

    Even sizes are written as 4:2:0. Odd sizes, which 4:2:0 cannot hold, are written as 4:4:4
    and `notices` says so. A picture that differs in size from the first is scaled to it.

    Args:
        path: Output; its suffix chooses the container (MP4, MOV or MKV).
        like: The input whose time base, pixel aspect, colour tags, metadata and other streams
            are kept; None for a live recording.
        overwrite: Whether an existing file may be replaced.
        start: The output begins at this time stamp, s; it becomes 0. None keeps time stamps.
        end: Copied streams stop at this time stamp, s.
        preset: libx264's speed preset.

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
    ) -> None:
        source = None if like is None else local_path(like.path)
        self.path = check_output(path, source=source, overwrite=overwrite)
        self.notices: list[str] = []
        self._like, self._preset = like, preset
        self._start, self._end = start, end
        self._base = _LIVE_TIME_BASE if like is None else like.time_base
        self._colour = Colour() if like is None else like.colour
        if self._colour.matrix == _RGB_MATRIX:  # H.264 holds YUV here, so tag it as such
            self._colour = Colour()
        if self._colour.range == FULL:
            # The scaler rounds full-range chroma down, half a level a pass; limited range it
            # gets right, and more players show it right.
            self._colour = replace(self._colour, range=LIMITED)
            self._note("full colour range is written as limited range, with the same colours")
        self._output: Any = None
        self._stream: Any = None
        self._copies: _Copies | None = None
        self._last = -1 << 62
        # Short, so that the longest legal name still works; created now, to fail early.
        name = f".tryon-{os.getpid()}-{next(_serial)}{self.path.suffix.lower()}"
        self._part: Path | None = self.path.parent / name
        try:
            self._part.open("xb").close()
        except OSError as error:
            raise MediaError(
                f"cannot write into {self.path.parent} ({error.strerror}); choose another folder"
            ) from error

    def write(self, image: UInt8, pts: Fraction) -> None:
        """Append one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            pts: Time stamp, s; a time not after the last one is moved to the next tick.

        Raises:
            MediaError: Encoding or writing failed (disk full, for one).
        """
        if self._part is None:
            raise MediaError(f"{self.path} was closed; open a new writer")
        with _media_errors(self.path):
            if self._output is None:
                self._open(image.shape[1], image.shape[0])
            if image.shape[:2] != (self._stream.height, self._stream.width):
                self._note("pictures of another size were scaled to the first")
            frame = self._to_yuv(image)
            frame.time_base = self._base
            frame.pts = max(round((pts - (self._start or 0)) / self._base), self._last + 1)
            self._last = frame.pts
            self._mux(self._stream.encode(frame))
            if self._copies is not None:
                self._copies.write_until(pts)

    def close(self) -> None:
        """Finish the file and give it its name; with no picture written, leave nothing.

        Raises:
            MediaError: The last packets could not be written; nothing is left.
        """
        if self._part is None:
            return
        try:
            with _media_errors(self.path):
                if self._output is not None:
                    self._mux(self._stream.encode(None))
                    if self._copies is not None:
                        self._copies.write_until(None)
                        self.notices += self._copies.notices
                        self._copies.close()
                    output, self._output = self._output, None
                    output.close()
                    os.replace(self._part, self.path)
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up: remove what was written. Harmless after `close`."""
        part, self._part = self._part, None
        if part is None:
            return
        for closing in (self._copies, self._output):
            if closing is not None:
                with suppress(Exception):  # the file is thrown away all the same
                    closing.close()
        self._output = None
        part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _open(self, width: int, height: int) -> None:
        import av

        options = {}
        if self.path.suffix.lower() != ".mkv":
            options["movie_timescale"] = str(self._movie_timescale())
        self._output = av.open(f"file:{self._part}", "w", options=options)
        rate = Fraction(30) if self._like is None else self._like.rate
        stream = self._output.add_stream(
            "libx264", rate=rate, options={"preset": self._preset, "crf": "18"}
        )
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        if width % 2 or height % 2:
            stream.pix_fmt = "yuv444p"
            self._note(f"odd size {width}x{height}: written as 4:4:4, which some players refuse")
        context = stream.codec_context
        stream.time_base = context.time_base = self._base
        context.colorspace, context.color_range = self._colour.matrix, self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        self._stream, self._tick = stream, max(1, round(1 / rate / self._base))
        if self._like is not None:
            context.sample_aspect_ratio = self._like.sample_aspect
            self._copies = _Copies(self._like.path, self._output, self._start, self._end)

    def _movie_timescale(self) -> int:
        """Ticks a second in which MP4 and MOV state when a stream begins.

        The default of 1000 would round a late start, so one is taken that fits every stream.
        """
        scale = self._base.denominator
        while scale < 10_000:  # as the muxer itself does for the video stream
            scale *= 2
        if self._like is not None:
            with open_container(self._like.path) as container:
                bases = [s.time_base for s in container.streams if s.type != "video"]
            fine = lcm(scale, 1000, *(base.denominator for base in bases if base))
            scale = fine if fine < 2**31 else scale
        return scale

    def _to_yuv(self, image: UInt8) -> Any:
        import av
        from av.video.reformatter import Interpolation as How

        return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
            width=self._stream.width,
            height=self._stream.height,
            format=self._stream.pix_fmt,
            src_color_range=FULL,
            dst_colorspace=self._colour.sws_matrix(self._stream.height),
            dst_color_range=self._colour.sws_range,
            interpolation=How.AREA | How.ACCURATE_RND | How.FULL_CHR_H_INP,
        )

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._tick  # containers derive it, but for the last picture
            self._output.mux_one(packet)

    def _note(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


class _Copies:
    """Every other stream of the input, copied packet by packet in step with the video."""

    def __init__(
        self, path: Path, output: Any, start: Fraction | None, end: Fraction | None
    ) -> None:
        self.notices: list[str] = []
        self._input = open_container(path)
        self._output, self._start, self._end = output, start, end
        for key, value in self._input.metadata.items():
            if key not in ("major_brand", "minor_version", "compatible_brands", "encoder"):
                output.metadata[key] = value
        if start is None and end is None:
            output.set_chapters(self._input.chapters())
        pairs = ((s, self._add(s)) for s in self._input.streams if s.type != "video")
        self._map = {source.index: target for source, target in pairs if target is not None}
        extra = len(self._input.streams.video) - 1
        if extra > 0:
            self.notices.append(f"{extra} further video stream(s) dropped")
        self._packets = self._demux()
        self._next = next(self._packets, None)

    def write_until(self, time: Fraction | None) -> None:
        """Mux what is due before `time` (s); None for all that is left."""
        while self._next is not None:
            stamp, packet = self._next
            if time is not None and stamp > time:
                return
            shift = round((self._start or 0) / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            packet.stream = self._map[packet.stream.index]
            self._output.mux_one(packet)
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._input.close()

    def _add(self, source: Any) -> Any:
        """The output stream for a source stream, or None if the container cannot hold it."""
        import av

        name = getattr(source.codec_context, "name", None)
        codec = av.codec.Codec(name).canonical_name if name else ""
        if codec not in self._output.supported_codecs:
            self.notices.append(f"{source.type} stream {source.index} dropped: not for this file")
            return None
        target = self._output.add_stream_from_template(source)
        target.metadata.update(source.metadata)
        return target

    def _demux(self) -> Iterator[tuple[Fraction, Any]]:
        import av

        streams = [s for s in self._input.streams if s.index in self._map]
        if not streams:
            return
        if self._start is not None:
            self._input.seek(int(self._start * 1_000_000))
        try:
            for packet in self._input.demux(streams):
                if packet.dts is None:  # the demuxer's end mark
                    continue
                stamp = (packet.dts if packet.pts is None else packet.pts) * packet.time_base
                if self._start is not None and stamp < self._start:
                    continue
                if self._end is None or stamp < self._end:
                    yield stamp, packet
        except av.error.FFmpegError:
            self.notices.append("the other streams are damaged; they end early")


@contextmanager
def _media_errors(path: Path) -> Iterator[None]:
    """Re-raise the codec library's and the system's errors as one line with a remedy."""
    import av

    try:
        yield
    except MediaError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"cannot write {path} ({reason}); check the free space and the folder"
        ) from error
