"""One row of the benchmark: the live loop over moving faces of one frame size and number.

Pictures are drawn beforehand, so that only the loop is measured; nothing is shown or written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tryon.bench.machine import resident_mb
from tryon.streaming.demo_clip import DemoClip
from tryon.streaming.live import run_live
from tryon.streaming.sinks import NullSink
from tryon.streaming.stats import LiveReport
from tryon.types import Frame, TryOnResult, UInt8

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.session import TryOnSession

SIZES = {
    "480p": (854, 480),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "4k": (3840, 2160),
    "4k-far": (3840, 2160),  # the face as large as at 720p: what does the frame alone cost?
}
FACES = (1, 2, 4)
WARM_UP = 30  # frames not counted
_LOOP = 120  # different pictures
_MAX_BYTES = 1 << 30  # of pictures held in memory


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured for one frame size and number of faces."""

    size: str
    faces: int
    seen: float  # faces found a frame, on average
    face_px: float  # width of a face, px, on average
    backend: str
    report: LiveReport


def moving_faces(size: str, faces: int) -> tuple[UInt8, ...]:
    """Pictures of a frame size with so many moving demo faces, each in its own tile."""
    width, height = SIZES[size]
    count = max(10, min(_LOOP, _MAX_BYTES // (3 * width * height)))
    if size.endswith("-far"):
        small = moving_faces("720p", faces)[:count]
        return tuple(_in_the_middle(picture, width, height) for picture in small)
    columns, rows = {1: (1, 1), 2: (2, 1), 4: (2, 2)}[faces]
    clip = DemoClip(width // columns, height // rows)
    shift = count // faces  # neighbours move differently

    def tiled(index: int) -> UInt8:
        tiles = [clip.frame(index + shift * k).image for k in range(faces)]
        lines = [np.hstack(tiles[k : k + columns]) for k in range(0, faces, columns)]
        return np.ascontiguousarray(np.vstack(lines))

    return tuple(tiled(index) for index in range(count))


def _in_the_middle(picture: UInt8, width: int, height: int) -> UInt8:
    left, top = (width - picture.shape[1]) // 2, (height - picture.shape[0]) // 2
    right, bottom = width - picture.shape[1] - left, height - picture.shape[0] - top
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)), mode="edge")


class Pictures:
    """A source of ready pictures, so many a second by their stamps."""

    live = False
    description = "pictures in memory"

    def __init__(self, pictures: Sequence[UInt8], count: int, fps: int = 30) -> None:
        self._pictures, self._count, self._fps = pictures, count, fps

    def frames(self) -> Iterator[Frame]:
        """The pictures, over and over."""
        for index in range(self._count):
            picture = self._pictures[index % len(self._pictures)]
            yield Frame(picture, index, Fraction(index, self._fps), time.monotonic_ns())

    def close(self) -> None:
        """Nothing to free."""


def measure_row(
    session: TryOnSession, size: str, faces: int, pictures: Sequence[UInt8], frames: int
) -> Row:
    """Run the live loop over every picture, none dropped, as fast as it goes.

    Its frame age counts the frames that wait, one in the slot and one in the reader, because
    nothing is dropped; `beside.from_a_camera` is what a camera's frames wait.
    """
    session.reset()
    run_live(Pictures(pictures, WARM_UP), session.stages, [NullSink()], every_frame=True)
    census = _Census()
    report = run_live(Pictures(pictures, frames), session.stages, [census], every_frame=True)
    seen = len(census.widths) / max(census.frames, 1)
    width = sum(census.widths) / len(census.widths) if census.widths else float("nan")
    return Row(size, faces, round(seen, 2), width, session.backend, report)


class _Census:
    """A sink that counts the faces."""

    def __init__(self) -> None:
        self.frames = 0
        self.widths: list[float] = []

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Count the faces of one result."""
        self.frames += 1
        self.widths.extend(face.width for face in result.faces)

    def idle(self) -> None:
        """Nothing to do."""

    def close(self, *, failed: bool) -> None:
        """Nothing to free."""


def measure_memory(
    session: TryOnSession, pictures: Sequence[UInt8], frames: int
) -> tuple[float, ...]:
    """Resident memory in MB after a tenth of the frames, and after all of them."""
    sizes = []
    for index in range(frames):
        session.process(pictures[index % len(pictures)])
        if index + 1 in (max(frames // 10, 1), frames):
            sizes.append(resident_mb())
    return tuple(sizes)


def measure_swap(session: TryOnSession, looks: Sequence[Look], picture: UInt8) -> tuple[float, ...]:
    """Times in ms of putting on another look, the first frame that wears it included."""
    times = []
    for index in range(10):
        began = time.perf_counter()
        session.set_look(looks[index % len(looks)])
        session.process(picture)
        times.append((time.perf_counter() - began) * 1e3)
    return tuple(times)
