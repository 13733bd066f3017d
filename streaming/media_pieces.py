"""A video written in finished pieces, so that an interrupted run can go on where it stopped.

The pieces lie in a hidden folder beside the output and are joined at the end without encoding
again: a run in two parts writes the same number of pictures, time stamps and sound as one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from tryon.errors import MediaError
from tryon.streaming.media import VideoInfo
from tryon.streaming.media_deep import Deep
from tryon.streaming.media_files import check_output, local_path, media_errors, open_container
from tryon.streaming.media_output import OutputFile
from tryon.streaming.media_writer import VideoWriter
from tryon.types import UInt8

LENGTH = 250  # pictures in a piece: as often as the encoder starts afresh anyway


@dataclass(frozen=True, slots=True)
class _Piece:
    """One finished piece: its file, and when each picture is shown, ticks of the time base."""

    path: Path
    stamps: tuple[int, ...]


class PieceWriter:
    """Writes a video like `VideoWriter`, and remembers what is finished.

    Args:
        path: Output; its suffix chooses the container.
        like: The input.
        key: Names everything that pictures depend on; pieces made with another key, or of another
            input, are thrown away.
        overwrite: Whether an existing file may be replaced.
        start: As for `VideoWriter`.
        end: As for `VideoWriter`.
        length: Pictures in a piece; None for LENGTH.

    Raises:
        MediaError: The output cannot be written, or another run is at it.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        like: VideoInfo,
        key: str,
        overwrite: bool = False,
        start: Fraction | None = None,
        end: Fraction | None = None,
        length: int | None = None,
    ) -> None:
        self.path = check_output(path, source=local_path(like.path), overwrite=overwrite)
        self._like, self._overwrite = like, overwrite
        self._start, self._end, self._length = start, end, length or LENGTH
        self._notices: list[str] = []
        self._stamps: list[int] = []  # of the piece in work
        self._writer: VideoWriter | None = None
        name = sha256(os.fsencode(self.path.name)).hexdigest()[:16]
        self._folder = self.path.parent / f".tryon-{name}"
        self._pieces: list[_Piece] = []
        self._lock: Any = _lock_for(self._folder)
        self._open = True
        try:  # Ctrl-C may come here too
            _take(self._lock, self._folder, self.path)
            self._pieces += self._finished(key)
        except BaseException:
            self.abort()
            raise
        self._last = self._pieces[-1].stamps[-1] if self._pieces else -1 << 62

    @property
    def done(self) -> int:
        """How many pictures are in finished pieces; `write` takes the next one."""
        return sum(len(piece.stamps) for piece in self._pieces)

    @property
    def notices(self) -> list[str]:
        """What the user should know about the output."""
        return list(dict.fromkeys(self._notices))

    def write(self, image: UInt8 | Deep, pts: Fraction) -> None:
        """Append one picture; see `VideoWriter.write`."""
        if not self._open:
            raise MediaError(f"{self.path} was closed; open a new writer")
        if self._writer is None:
            target = self._folder / f"{len(self._pieces):06}.mp4"
            self._writer = VideoWriter(target, like=self._like, overwrite=True, others=False)
        base = self._like.time_base
        stamp = max(round((pts - (self._start or 0)) / base), self._last + 1)
        # A piece begins at 0; its true times are kept beside it.
        self._writer.write(image, (stamp - (self._stamps or [stamp])[0]) * base)
        self._last = stamp
        self._stamps.append(stamp)
        if len(self._stamps) == self._length:
            self._finish_piece()

    def close(self) -> None:
        """Join the pieces, give the file its name and remove them.

        Raises:
            MediaError: It could not be written; the pieces stay.
        """
        if not self._open:
            return
        try:
            self._finish_piece()
            if self._pieces:
                self._join()
                self._pieces = []
        finally:
            self.abort()

    def abort(self) -> None:
        """Stop: finished pieces stay for the next run, and what is incomplete is removed."""
        if not self._open:
            return
        self._open = False
        if self._writer is not None:
            self._writer.abort()
        if not self._lock.is_locked:
            return  # the folder is another run's
        if not self._pieces:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()
        if not self._pieces:
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()

    def _finish_piece(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._notices += self._writer.notices
        piece = _Piece(self._writer.path, tuple(self._stamps))
        # The list of time stamps comes last: it says that the piece is whole.
        _write(_list_of(piece.path), {"stamps": piece.stamps, "notices": self._writer.notices})
        self._pieces.append(piece)
        self._writer, self._stamps = None, []

    def _finished(self, key: str) -> Iterator[_Piece]:
        """The whole pieces that an earlier run left, if it did the same thing."""
        import av

        stat = self._like.path.stat()
        # Pieces are joined as they are, so the encoder must be the same one too.
        plan = {
            "input": [str(self._like.path.resolve()), stat.st_size, stat.st_mtime_ns],
            "span": [str(self._start), str(self._end)],
            "encoder": [av.__version__, self._length, self._like.deep],
            "key": key,
        }
        kept = self._folder / "plan.json"
        if _read(kept) != plan:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            _write(kept, plan)
        for index in range(1_000_000):
            path = self._folder / f"{index:06}.mp4"
            listed = _read(_list_of(path))
            if not isinstance(listed, dict) or not _holds(path, len(listed["stamps"])):
                return
            self._notices += listed["notices"]
            yield _Piece(path, tuple(listed["stamps"]))

    def _join(self) -> None:
        base = self._like.time_base
        output = OutputFile(self.path, like=self._like, overwrite=self._overwrite, time_base=base)
        try:
            with media_errors(self.path):
                self._copy_pictures(output, base)
            output.finish([])
            self._notices += output.notices
        finally:
            output.abort()

    def _copy_pictures(self, output: OutputFile, base: Fraction) -> None:
        shown = [stamp for piece in self._pieces for stamp in piece.stamps]
        depth = max(_reordering(piece.path) for piece in self._pieces)
        tick = max(1, round(1 / self._like.rate / base))
        stream: Any = None
        header: bytes | None = None
        index = 0
        for piece in self._pieces:
            with open_container(piece.path) as container:
                source = container.streams.video[0]
                if stream is None:
                    stream = output.open().add_stream_from_template(source)
                    if self._like.deep:
                        stream.codec_context.codec_tag = source.codec_context.codec_tag
                    stream.time_base, header = base, source.codec_context.extradata
                    output.copy_others(self._start, self._end)
                elif source.codec_context.extradata != header:
                    self._pieces = []  # of no use, now or later
                    raise MediaError(f"the pieces of {self.path} do not fit; run it again")
                order = sorted(p.pts for p in container.demux(source) if p.size)
                rank = {pts: i for i, pts in enumerate(order)}
                container.seek(0)
                for packet in container.demux(source):
                    if not packet.size:
                        continue
                    pts = piece.stamps[rank[packet.pts]]
                    packet.stream, packet.time_base = stream, base
                    packet.pts, packet.dts, packet.duration = pts, _dts(shown, index, depth), tick
                    index += 1
                    output.mux([packet], pts * base + (self._start or 0))


def _dts(shown: list[int], index: int, depth: int) -> int:
    """When the packet at `index` is decoded: as the picture `depth` before it is shown."""
    if index >= depth:
        return shown[index - depth]
    depth = min(depth, len(shown) - 1)
    return shown[0] + shown[index] - shown[depth]


def _reordering(path: Path) -> int:
    """By how many places pictures are decoded before they are shown, at most."""
    with open_container(path) as container:
        stamps = [p.pts for p in container.demux(container.streams.video[0]) if p.size]
    rank = {pts: i for i, pts in enumerate(sorted(stamps))}
    return max(index - rank[pts] for index, pts in enumerate(stamps))


def _holds(path: Path, count: int) -> bool:
    """Whether the file can be read and has so many packets."""
    try:
        with open_container(path) as container:
            return sum(1 for p in container.demux(video=0) if p.size) == count
    except (MediaError, OSError, ValueError):
        return False


def _lock_for(folder: Path) -> Any:
    from filelock import FileLock

    return FileLock(folder.with_suffix(".lock"))


def _take(lock: Any, folder: Path, output: Path) -> None:
    """Make the folder and hold it against other runs."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
        folder.mkdir(exist_ok=True)
    except Timeout:
        raise MediaError(f"another run is writing {output}; wait for it or stop it") from None
    except OSError as error:
        raise MediaError(
            f"cannot write into {output.parent} ({error.strerror}); choose another folder"
        ) from error


def _list_of(piece: Path) -> Path:
    return piece.with_suffix(".json")


def _write(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)


def _read(path: Path) -> Any:
    """The JSON in a file; None when there is none or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
