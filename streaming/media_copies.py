"""Sound, subtitles and data of a video, copied packet by packet beside new pictures.

Nothing is decoded but text subtitles that the new container holds only in another form; what it
cannot hold at all is left out and said in `notices`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from tryon.streaming.media_files import open_container

_TEXT = ("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text")  # subtitles made of text
_TEXT_IN = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip"}  # what a container takes
_OWN = ("major_brand", "minor_version", "compatible_brands", "encoder")  # tags of the old file


class Copies:
    """Every stream of a file but its pictures, written into another in step with the time.

    Args:
        path: The file; opened on its own, beside the reader of the pictures.
        output: The open output container; its streams are added here.
        start: Leave out what is before this time stamp, s, which becomes 0; None keeps all.
        end: Leave out what is at or after this time stamp, s.

    Raises:
        MediaError: The file cannot be read.
    """

    def __init__(
        self, path: Path, output: Any, start: Fraction | None, end: Fraction | None
    ) -> None:
        self.notices: list[str] = []
        self._input = open_container(path)
        self._output, self._start, self._end = output, start, end
        for key, value in self._input.metadata.items():
            if key not in _OWN:
                output.metadata[key] = value
        if start is None and end is None:
            output.set_chapters(self._input.chapters())
        self._encoders: dict[int, Any] = {}  # of subtitles that change their form
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
            source = packet.stream
            shift = round((self._start or 0) / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            packet = self._converted(packet) if source.index in self._encoders else packet
            if packet is not None:
                packet.stream = self._map[source.index]
                self._output.mux_one(packet)
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Release the input."""
        self._input.close()

    def _add(self, source: Any) -> Any:
        """The output stream for a source stream, or None if the container cannot hold it."""
        import av

        name = getattr(source.codec_context, "name", None)
        codec = av.codec.Codec(name).canonical_name if name else ""
        if codec in self._output.supported_codecs:
            target = self._output.add_stream_from_template(source)
        elif codec in _TEXT and self._output.format.name in _TEXT_IN:
            target = self._add_text(source, _TEXT_IN[self._output.format.name])
        else:
            self.notices.append(f"{source.type} stream {source.index} dropped: not for this file")
            return None
        target.metadata.update(source.metadata)
        return target

    def _add_text(self, source: Any, codec: str) -> Any:
        target = self._output.add_stream(codec)
        encoder = target.codec_context
        source.codec_context.open()  # only now it states its header, which the encoder needs
        encoder.subtitle_header = source.codec_context.subtitle_header
        target.time_base = encoder.time_base = source.time_base
        self._encoders[source.index] = encoder
        self.notices.append(f"subtitle stream {source.index} converted to {codec}")
        return target

    def _converted(self, packet: Any) -> Any:
        """The subtitle in its new form, or None when it cannot be read."""
        import av

        encoder = self._encoders[packet.stream.index]
        try:
            subtitle = packet.stream.decode2(packet)
            if not subtitle:
                return None
            new = encoder.encode_subtitle(subtitle)
        except (av.error.FFmpegError, ValueError):
            text = "subtitles that cannot be read were left out"
            self.notices += [] if text in self.notices else [text]
            return None
        new.pts, new.dts, new.duration = packet.pts, packet.dts, packet.duration
        new.time_base = packet.time_base
        return new

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
