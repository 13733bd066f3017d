"""Files in, made-up files out: what the photo, video and batch commands have in common.

An output appears under its name when it is complete, or not at all; nothing is printed here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from tryon.errors import ImageError
from tryon.layer.smooth import STILLS
from tryon.look.look import Look
from tryon.look.photo import read_photo, write_photo
from tryon.models.weights import MANIFEST, STUDENT_DIR
from tryon.session import SessionConfig, TryOnSession
from tryon.streaming.media import VideoReader
from tryon.streaming.media_deep import made_up
from tryon.streaming.media_pieces import PieceWriter
from tryon.streaming.prefetch import prefetched
from tryon.streaming.sinks import Background, CallSink
from tryon.types import TryOnResult, UInt8

# Frames before the point where a stopped run goes on that are read again, so that the parser
# follows the face as it did before.
_RUN_UP = 30


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What to wear and how; may be sent to another process."""

    look: Look
    intensities: tuple[tuple[str, float], ...] = ()  # region or `all`, value; in this order
    config: SessionConfig = SessionConfig()  # noqa: RUF009  # frozen

    @classmethod
    def of(cls, arguments: argparse.Namespace, look: Look, threads: int = 2) -> Wish:
        """From the flags of `arguments.add_look_arguments` and `add_session_arguments`."""
        config = SessionConfig(
            backend=arguments.backend,
            kernels=arguments.kernels,
            parser=arguments.parser,
            max_faces=arguments.max_faces,
            threads=threads,
            smooth=STILLS,  # films are smoothed ahead, photos not at all
        )
        return cls(look, tuple(arguments.intensity), config)

    def open(self) -> TryOnSession:
        """A session that wears it.

        Raises:
            TryOnError: The networks cannot be loaded.
        """
        session = TryOnSession(self.look, self.config)
        for region, value in self.intensities:
            session.set_intensity(region, value)
        return session

    @property
    def key(self) -> str:
        """Names everything that pictures depend on beside the input, the model included."""
        model = sha256(((self.config.model or STUDENT_DIR) / MANIFEST).read_bytes()).hexdigest()
        look = (self.look.digest, self.look.intensities, self.intensities)
        return sha256(repr((model, look, self.config)).encode()).hexdigest()


class StillWearer(Protocol):
    """What makes up stills: a session, or quality mode."""

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS in what is worn."""
        ...

    def set_look(self, look: Look) -> None:
        """Wear another look; takes the look's intensities."""
        ...

    def set_intensity(self, region: str, value: float) -> None:
        """Set the intensity of a region, or of `all`."""
        ...

    def reset(self) -> None:
        """Forget the stills before."""
        ...

    def process(self, image: UInt8, /) -> TryOnResult:
        """Put the look on one still."""
        ...


@dataclass(frozen=True, slots=True)
class VideoTask:
    """One video to be made up."""

    source: Path
    output: Path
    start: Fraction = Fraction(0)  # s from the beginning
    end: Fraction | None = None  # s from the beginning; None is the end
    tone_map: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class VideoDone:
    """What became of it."""

    frames: int
    resumed: int  # of them were finished by an earlier run
    frames_with_face: int  # of those made up now
    fps: float  # of those made up now
    backend: str
    notes: tuple[str, ...]  # what the user should know


def make_up(session: StillWearer, image: UInt8, name: str) -> TryOnResult:
    """A picture with makeup, taken for itself.

    Args:
        session: wears the look.
        image: (H, W, 3) uint8 RGB.
        name: of the picture, for the message.

    Raises:
        ImageError: Nobody in the picture can wear any.
    """
    session.reset()
    result = session.process(image)
    if not result.faces:
        raise ImageError(f"no face found in {name}; nothing was written")
    if result.image is image and any(session.intensities):
        raise ImageError(f"the face in {name} is too small or turned too far; nothing was written")
    return result


def make_up_photo(session: StillWearer, source: Path, output: Path) -> TryOnResult:
    """A photo file to a photo file.

    Raises:
        ImageError: It cannot be read or written, or nobody in it can wear makeup.
    """
    result = make_up(session, read_photo(source), source.name)
    write_photo(output, result.image)
    return result


def make_up_video(
    task: VideoTask,
    key: str,
    open_session: Callable[[], TryOnSession],
    began: Callable[[int, int], None] = lambda total, done: None,
    stepped: Callable[[], None] = lambda: None,
) -> VideoDone:
    """A video file to a video file; a run that was stopped is continued.

    Args:
        task: what to do.
        key: of `Wish.key`: pieces of an earlier run are used when theirs is the same.
        open_session: called when the input and output have been found usable.
        began: told the number of frames (an estimate, 0 if unknown) and how many are done.
        stepped: called after each frame.

    Raises:
        TryOnError: The video cannot be read, made up or written.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(
            VideoReader(task.source, start=task.start, end=task.end, tone_map=task.tone_map)
        )
        first = reader.info.start
        part = bool(task.start) or task.end is not None
        writer = PieceWriter(
            task.output,
            like=reader.info,
            key=f"{key} {task.tone_map}",
            overwrite=task.overwrite,
            start=first + task.start if part else None,
            end=None if task.end is None else first + task.end,
        )
        stack.callback(writer.abort)  # what is not finished does not stay
        session = open_session()
        resumed, count, faces = writer.done, 0, 0
        began(reader.info.frame_count, resumed)
        sink = Background(
            CallSink(
                lambda frame, result: writer.write(
                    made_up(frame, result.image), frame.pts or Fraction(0)
                )
            ),
            every_frame=True,
        )
        clock = time.monotonic()
        try:
            frames = stack.enter_context(prefetched(reader.frames(max(0, resumed - _RUN_UP))))
            film = session.parse_all(frames)
            if len(session.stages) > 1:
                film = stack.enter_context(prefetched(film))
            for frame, result in session.wear_all(film):
                if frame.index < resumed:
                    continue
                sink.show(frame, result)
                count += 1
                faces += bool(result.faces)
                stepped()
        except BaseException as error:
            sink.close(failed=True)
            if isinstance(error, KeyboardInterrupt) and writer.done:
                raise KeyboardInterrupt(
                    f"{writer.done} frames are kept; the same command goes on from there"
                ) from None
            raise
        sink.close(failed=False)
        writer.close()
        seconds = max(time.monotonic() - clock, 1e-9)
    notes = [*reader.notices, *writer.notices]
    if resumed:
        notes.append(f"{resumed} frames were finished by an earlier run")
    if count and not faces:
        notes.append(
            f"no face was found in any {'further ' if resumed else ''}frame: "
            "the pictures are as they were"
        )
    if reader.damaged:
        notes.append(f"{reader.damaged} damaged parts of the input were skipped or repaired")
    if reader.repaired:
        notes.append(f"{reader.repaired} missing or repeated time stamps were moved")
    return VideoDone(
        resumed + count, resumed, faces, count / seconds, session.backend, tuple(notes)
    )
