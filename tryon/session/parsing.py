"""Frames -> faces followed over time: the half of a session that may run ahead of the other.

It never looks at what anybody wears, so that the faces of the next frame can be found on another
thread while this frame is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import RLock

from tryon.errors import SessionClosedError
from tryon.face.cut import ShotCounter
from tryon.face.parser import FaceParser
from tryon.face.track import FaceTracker, TrackConfig
from tryon.session.intake import Intake
from tryon.session.stopwatch import Stopwatch
from tryon.types import Face, Frame, UInt8


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A frame and the faces it shows."""

    frame: Frame
    faces: tuple[Face, ...]  # with their track ids
    lost: tuple[Face, ...]  # seen a moment ago, where they should be now
    seconds: float  # time of the frame, later than the last one's
    shot: int  # another number where nothing of earlier frames belongs to this one
    clock: Stopwatch  # with the laps `parse` and `track`


class Parsing:
    """Parser, tracker and clock of one stream; any thread may call, one at a time works."""

    def __init__(self, parser: FaceParser, track: TrackConfig, stills: bool = False) -> None:
        self.parser = parser
        self._track, self._stills = track, stills
        self._tracker, self._intake = FaceTracker(track), Intake()
        self._shot = 0
        self._closed = False
        self._turn = RLock()  # held while a frame is in work

    def reset(self) -> None:
        """Forget the faces seen so far, as after a seek or a cut."""
        with self._turn:
            self.parser.reset()
            self._tracker.reset()
            self._intake.reset()
            self._shot += 1

    def frame(self, frame: UInt8 | Frame) -> Parsed:
        """Parse the next frame of a stream; of stills, each for itself.

        Raises:
            SessionClosedError: after `close`.
            ImageError: it is no (H, W, 3) uint8 RGB array of a usable size.
        """
        with self._turn:
            self.check_open()
            if self._stills:
                self.reset()
            return self._parsed(self._intake.frame(frame), self._tracker)

    def film(self, frames: Iterable[Frame]) -> Iterator[Parsed]:
        """Parse a film, cut by cut; its window steadies landmarks, so the tracker does not.

        Raises:
            SessionClosedError, ImageError: as `frame`.
        """
        self.reset()
        count_shots, last = ShotCounter(), 0
        # Without the delay of the tracker's own filter.
        tracker = FaceTracker(replace(self._track, smooth=False))
        for frame in frames:
            with self._turn:
                self.check_open()
                frame = self._intake.frame(frame)
                shot = count_shots(frame.image)
                if shot != last:
                    self.reset()
                    tracker.reset()
                last = shot
                parsed = self._parsed(frame, tracker)
            yield parsed

    def close(self) -> None:
        """Free the parser once the frame in work is done; may be called twice."""
        with self._turn:
            self._closed = True
            self.parser.close()

    def check_open(self) -> None:
        """Raise `SessionClosedError` after `close`."""
        if self._closed:
            raise SessionClosedError("the session is closed; open a new TryOnSession")

    def _parsed(self, frame: Frame, tracker: FaceTracker) -> Parsed:
        clock = Stopwatch()
        if self._intake.is_seek(frame):
            self.reset()  # before parsing: the parser is to look anew
        seconds = self._intake.seconds(frame)
        faces = self.parser.parse(frame)
        clock.lap("parse")
        faces = tracker.update(faces, seconds)
        clock.lap("track")
        return Parsed(frame, faces, tracker.lost(seconds), seconds, self._shot, clock)
