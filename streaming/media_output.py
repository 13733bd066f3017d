"""A video file that appears under its name when it is complete, or not at all.

It is written under a temporary name and renamed at the end, with the other streams of the input
beside the pictures; it makes no pictures and changes no time stamp.
"""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from itertools import count
from math import lcm
from os import PathLike
from pathlib import Path
from typing import Any

from tryon.errors import MediaError
from tryon.streaming.media import VideoInfo
from tryon.streaming.media_copies import Copies
from tryon.streaming.media_files import check_output, local_path, media_errors, open_container

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_serial = count()


class OutputFile:
    """One output; `open`, add a video stream, `copy_others`, `mux`, `finish`.

    Args:
        path: Its suffix chooses the container.
        like: The input it is made from; None for a recording.
        overwrite: Whether an existing file may be replaced.
        time_base: Unit of the pictures' time stamps, s.

    Raises:
        MediaError: The output cannot be written; nothing was started.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        like: VideoInfo | None,
        overwrite: bool,
        time_base: Fraction,
    ) -> None:
        source = None if like is None else local_path(like.path)
        self.path = check_output(path, source=source, overwrite=overwrite)
        self.notices: list[str] = []
        self._source, self._base = source, time_base
        self._container: Any = None
        self._copies: Copies | None = None
        # Short, so that the longest legal name still works; created now, to fail early.
        name = f".tryon-{os.getpid()}-{next(_serial)}{self.path.suffix.lower()}"
        self._part: Path | None = self.path.parent / name
        try:
            self._part.open("xb").close()
        except OSError as error:
            raise MediaError(
                f"cannot write into {self.path.parent} ({error.strerror}); choose another folder"
            ) from error

    @property
    def closed(self) -> bool:
        """Whether it was finished or given up."""
        return self._part is None

    def open(self) -> Any:
        """The container, for the video stream to be added."""
        import av

        kind = _FORMATS[self.path.suffix.lower()]
        options = {} if kind == "matroska" else {"movie_timescale": str(self._movie_timescale())}
        self._container = av.open(f"file:{self._part}", "w", format=kind, options=options)
        return self._container

    def copy_others(self, start: Fraction | None, end: Fraction | None) -> None:
        """Add the input's other streams between two time stamps, s; `start` becomes 0."""
        if self._source is not None:
            self._copies = Copies(self._source, self._container, start, end)

    def mux(self, packets: list[Any], until: Fraction) -> None:
        """Write packets of the video, and what else is due before the input's time `until`, s."""
        for packet in packets:
            self._container.mux_one(packet)
        if self._copies is not None:
            self._copies.write_until(until)

    def finish(self, packets: list[Any]) -> None:
        """Write the last packets and everything else, and give the file its name.

        Raises:
            MediaError: It could not be written; nothing is left.
        """
        if self._part is None:
            return
        try:
            with media_errors(self.path):
                for packet in packets:
                    self._container.mux_one(packet)
                if self._copies is not None:
                    self._copies.write_until(None)
                    self.notices += self._copies.notices
                    self._copies.close()
                container, self._container = self._container, None
                container.close()
                os.replace(self._part, self.path)
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up: remove what was written. Harmless after `finish`."""
        part, self._part = self._part, None
        if part is None:
            return
        for closing in (self._copies, self._container):
            if closing is not None:
                with suppress(Exception):  # the file is thrown away all the same
                    closing.close()
        self._container = None
        part.unlink(missing_ok=True)

    def _movie_timescale(self) -> int:
        """Ticks a second in which MP4 and MOV state when a stream begins.

        The default of 1000 would round a late start, so one is taken that fits every stream.
        """
        scale = self._base.denominator
        while scale < 10_000:  # as the muxer itself does for the video stream
            scale *= 2
        if self._source is not None:
            with open_container(self._source) as container:
                bases = [s.time_base for s in container.streams if s.type != "video"]
            fine = lcm(scale, 1000, *(base.denominator for base in bases if base))
            scale = fine if fine < 2**31 else scale
        return scale
