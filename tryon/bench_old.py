"""`python -m tryon.bench`: how fast this machine is, stage by stage, told honestly.

Everything is measured in one run, so that figures can be compared with each other even on a noisy
machine; nothing is asserted. Each row says on what hardware, with which versions and commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tryon import arguments as flags
from tryon.cli import run_main
from tryon.streaming.live import run_live
from tryon.streaming.sinks import NullSink
from tryon.streaming.stats import Percentiles, percentiles
from tryon.types import Frame, UInt8
from tryon.webcam import figures

SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
PACKAGES = ("tryon", "numpy", "numba", "openvino", "opencv-python", "av", "torch", "mediapipe")
WARM_UP = 30  # frames not counted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tryon bench", description="Measure this machine.")
    add = parser.add_argument
    flags.add_look_arguments(parser, required=False)
    flags.add_session_arguments(parser)
    add("--size", choices=SIZES, default="720p", help="of the moving demo face")
    add("--frames", type=flags.whole(10), default=600, metavar="N", help="frames to measure")
    add("--soak", type=flags.whole(0), default=2000, metavar="N", help="frames for the memory")
    add("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from tryon.streaming.demo_clip import DemoClip

    if not (arguments.ref or arguments.look):
        arguments.look = str(files("tryon.look") / "assets" / "crimson.look")
    looks = flags.load_looks(arguments)  # a wrong name is told before anything is measured
    machine = describe_machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {machine['date']}")
    print(f"commit {machine['commit']}; {machine['versions']}\n")
    clip = DemoClip(*SIZES[arguments.size])
    pictures = [clip.frame(index).image for index in range(120)]
    row = {"size": arguments.size, "faces": 1, **machine}
    with flags.open_session(arguments, looks) as session:
        source = _Pictures(pictures, WARM_UP)
        run_live(source, session.process, [NullSink()], every_frame=True)
        source = _Pictures(pictures, arguments.frames)
        report = run_live(source, session.process, [NullSink()], every_frame=True)
        row |= figures(report, session.backend)
        memory = _memory(session.process, pictures, arguments.soak)
    _print_row(row)
    others = {
        "file_source_fps": _file_source(arguments, pictures[:120]),
        "start_to_first_frame_s": _start_up(arguments),
        "memory_mb": memory,
        "parse_only_ms": {
            name: _parse_only(name, pictures, min(arguments.frames, 200))
            for name in ("fast", "mediapipe")
        },
    }
    _print_others(others, row)
    if arguments.json:
        print(json.dumps({"rows": [row], **others}))


class _Pictures:
    """A source of ready pictures, so that drawing them is not measured."""

    live = False
    description = "pictures in memory"

    def __init__(self, pictures: Sequence[UInt8], count: int) -> None:
        self._pictures, self._count = pictures, count

    def frames(self) -> Iterator[Frame]:
        """The pictures, over and over, 30 a second by their stamps."""
        for index in range(self._count):
            picture = self._pictures[index % len(self._pictures)]
            yield Frame(picture, index, Fraction(index, 30), time.monotonic_ns())

    def close(self) -> None:
        """Nothing to free."""


def describe_machine() -> dict[str, Any]:
    """Hardware, versions, commit and date of a row."""
    root = Path(__file__).resolve().parents[1]
    git = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} not installed")
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
        "commit": git.stdout.strip() or "unknown",
        "date": date.today().isoformat(),
    }


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else "unknown CPU"


def _file_source(arguments: argparse.Namespace, pictures: Sequence[UInt8]) -> float:
    """Frames per second from a video file through the session, decoding but not encoding."""
    from tryon.streaming.media import VideoReader
    from tryon.streaming.media_writer import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        writer = VideoWriter(path)
        for index in range(min(arguments.frames, 300)):
            picture = pictures[index % len(pictures)]
            writer.write(picture, Fraction(index, 30))
        writer.close()
        with flags.open_session(arguments, flags.load_looks(arguments)) as session:
            for _ in range(5):
                session.process(pictures[0])
            report = run_live(VideoReader(path), session.process, [NullSink()], every_frame=True)
    fps: float = report.fps
    return round(fps, 1)


def _start_up(arguments: argparse.Namespace) -> float:
    """Seconds from starting a new process to its first made-up frame."""
    program = (
        "import sys; from tryon import Look, TryOnSession; import numpy as np;"
        "from tryon.streaming.demo_clip import DemoClip;"
        "frame = DemoClip(1280, 720).frame(0).image;"
        "session = TryOnSession(Look.load(sys.argv[1]));"
        "out = session.process(frame).image; session.close();"
        "assert (out != frame).any(); assert 'torch' not in sys.modules"
    )
    look = str(arguments.look) if arguments.look else None
    with tempfile.TemporaryDirectory() as folder:
        if look is None:
            look = str(Path(folder) / "ref.look")
            flags.load_looks(arguments)[0].save(look)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program, look], check=True)
        return round(time.perf_counter() - began, 2)


def _memory(
    process: Callable[[UInt8], object], pictures: Sequence[UInt8], frames: int
) -> list[float]:
    """Resident memory in MB after a tenth of the frames, and after all of them."""
    sizes = []
    for index in range(frames):
        process(pictures[index % len(pictures)])
        if index + 1 in (max(frames // 10, 1), frames):
            sizes.append(_resident_mb())
    return sizes


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _parse_only(name: str, pictures: Sequence[UInt8], frames: int) -> dict[str, float] | None:
    """A bare loop that only parses; None when that parser is not installed."""
    from tryon.errors import MissingExtraError
    from tryon.face.parser import FaceParser, ParserConfig

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
    times = []
    for index in range(frames + WARM_UP // 3):
        frame = Frame(pictures[index % len(pictures)], index, Fraction(index, 30))
        began = time.perf_counter()
        parser.parse(frame)
        times.append((time.perf_counter() - began) * 1e3)
    parser.close()
    return _rounded(percentiles(np.array(times[WARM_UP // 3 :], np.float32)))


def _rounded(p: Percentiles) -> dict[str, float]:
    return {"p50": round(p.p50, 2), "p95": round(p.p95, 2), "p99": round(p.p99, 2)}


def _print_row(row: dict[str, Any]) -> None:
    print(f"{row['size']}, {row['faces']} face, {row['backend']}, {row['frames']} frames")
    print(f"{'stage':12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for stage, times in row["stages_ms"].items():
        values = (times[key] for key in ("p50", "p95", "p99"))
        print(f"{stage:12}" + "".join(f"{'-' if v is None else f'{v:.2f}':>9}" for v in values))
    print(f"pictures in memory: {row['fps']:.1f} fps\n")


def _print_others(others: dict[str, Any], row: dict[str, Any]) -> None:
    print(f"from a 720p H.264 file, not encoded: {others['file_source_fps']:.1f} fps")
    print(f"start of the process to the first made-up frame: {others['start_to_first_frame_s']} s")
    if others["memory_mb"]:
        print(f"resident memory early and late: {others['memory_mb']} MB")
    total = row["stages_ms"]["total"]["p50"]
    for name, times in others["parse_only_ms"].items():
        if times is None:
            print(f"parse only, {name}: not installed")
        else:
            ratio = total / times["p50"]
            print(
                f"parse only, {name}: p50 {times['p50']:.2f} ms (our whole frame is {ratio:.2f}x)"
            )


if __name__ == "__main__":
    sys.exit(main())
