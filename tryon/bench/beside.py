"""What stands beside our rows in the same run: other loops, files, starting up.

Each figure is a whole, honest loop of its own; on a noisy machine only ratios within a run mean
anything.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.bench.rows import WARM_UP, Pictures
from tryon.errors import MissingExtraError
from tryon.streaming.live import run_live
from tryon.streaming.sinks import NullSink
from tryon.streaming.stats import LiveReport, Percentiles, percentiles
from tryon.types import Frame, UInt8

if TYPE_CHECKING:
    from tryon.face.parser import FaceParser
    from tryon.look.look import Look
    from tryon.session import TryOnSession

_START = (
    "import sys; from tryon import Look, SessionConfig, TryOnSession; import numpy as np;"
    "from tryon.streaming.demo_clip import DemoClip;"
    "frame = DemoClip(1280, 720).frame(0).image;"
    "session = TryOnSession(Look.load(sys.argv[1]), SessionConfig(backend=sys.argv[2]));"
    "out = session.process(frame).image; session.close(); assert (out != frame).any()"
)


def from_a_file(session: TryOnSession, pictures: Sequence[UInt8], frames: int) -> float:
    """Frames per second from an H.264 file through the session, decoding but not encoding."""
    from tryon.streaming.media import VideoReader
    from tryon.streaming.media_writer import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        writer = VideoWriter(path)
        for index in range(frames):
            writer.write(pictures[index % len(pictures)], Fraction(index, 30))
        writer.close()
        session.reset()
        report = run_live(VideoReader(path), session.stages, [NullSink()], every_frame=True)
    return round(float(report.fps), 1)


def from_a_camera(
    session: TryOnSession, pictures: Sequence[UInt8], frames: int, fps: int = 60
) -> LiveReport:
    """The live loop on a source that gives `fps` frames a second and waits for nobody.

    Frames that come while the session is busy are replaced by newer ones, as in a live window, so
    the frame age is what a person sees: from the frame's coming to its being handed on.
    """
    session.reset()
    run_live(Pictures(pictures, WARM_UP), session.stages, [NullSink()], every_frame=True)
    return run_live(Pictures(pictures, frames, fps), session.stages, [NullSink()])


def start_up(look: Look, backend: str) -> float:
    """Seconds from starting a new process to its first made-up frame.

    Args:
        look: what is worn.
        backend: what runs the student, see `SessionConfig`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "worn.look"
        look.save(path)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", _START, str(path), backend], check=True)
        return round(time.perf_counter() - began, 2)


def parse_only(name: str, pictures: Sequence[UInt8], frames: int) -> Percentiles | None:
    """A bare loop that only parses, ms; None when that parser is not installed.

    Args:
        name: "fast", or "mediapipe" for the vendor's own task.
        pictures: to parse, over and over.
        frames: how many to measure.
    """
    from tryon.face.parser import ParserConfig

    parser: FaceParser
    try:
        if name == "mediapipe":
            from tryon.face.parse import MediaPipeParser

            parser = MediaPipeParser(ParserConfig(max_faces=1))
        else:
            from tryon.face.parse_fast import FastParser

            parser = FastParser(ParserConfig(max_faces=1))
    except MissingExtraError:
        return None

    def parse(index: int) -> None:
        parser.parse(Frame(pictures[index % len(pictures)], index, Fraction(index, 30)))

    times = _timed(parse, frames)
    parser.close()
    return times


def torch_eager_student(look: Look, frames: int) -> Percentiles | None:
    """The same student on one texture in eager PyTorch, ms; None without PyTorch."""
    from tryon.engines.torch import TorchEngine

    try:
        engine = TorchEngine()
    except (ImportError, MissingExtraError):
        return None
    prepared = engine.prepare(look.texture)
    textures = np.random.default_rng(0).random((1, engine.size, engine.size, 4), np.float32)
    times = _timed(lambda _: engine(textures, prepared), frames)
    engine.close()
    return times


def _timed(step: Callable[[int], object], frames: int) -> Percentiles:
    times = []
    for index in range(frames + WARM_UP // 3):
        began = time.perf_counter()
        step(index)
        times.append((time.perf_counter() - began) * 1e3)
    return percentiles(np.array(times[WARM_UP // 3 :], np.float32))
