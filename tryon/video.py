"""`python -m tryon.video`: put a look on a video file.

Every frame is made up and keeps its time stamp; sound and subtitles are copied untouched. The
output appears under its name when it is complete, or not at all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

from tryon import arguments as flags
from tryon.cli import run_main
from tryon.layer.smooth import WHOLE_FILE
from tryon.streaming.live import run_live
from tryon.streaming.media import VideoReader
from tryon.streaming.media_writer import VideoWriter, check_output
from tryon.streaming.sinks import Background, CallSink, RecorderSink
from tryon.types import Frame, TryOnResult


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon video", description="Put the makeup of a photo on a video."
    )
    add = parser.add_argument
    add("input", help="a local video file")
    add("-o", "--output", required=True, help="where to write: .mp4, .mov or .mkv")
    flags.add_look_arguments(parser)
    flags.add_session_arguments(parser)
    add("--start", type=_seconds, default=Fraction(0), metavar="S", help="begin at this second")
    add("--end", type=_seconds, metavar="S", help="stop at this second")
    add("--overwrite", action="store_true", help="replace an existing output")
    add("--json", action="store_true", help="print what was done as one JSON object, last line")
    add("--quiet", action="store_true", help="no progress bar and no remarks")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    check_output(arguments.output, overwrite=arguments.overwrite)
    with ExitStack() as stack:
        # First what may be refused at once, last what takes time to load.
        reader = stack.enter_context(
            VideoReader(arguments.input, start=arguments.start, end=arguments.end)
        )
        whole = not arguments.start and arguments.end is None
        began = reader.info.start
        writer = VideoWriter(
            arguments.output,
            like=reader.info,
            overwrite=arguments.overwrite,
            start=None if whole else began + arguments.start,
            end=None if arguments.end is None else began + arguments.end,
        )
        stack.callback(writer.abort)  # nothing is left if the run does not end well
        looks = flags.load_looks(arguments)
        session = stack.enter_context(flags.open_session(arguments, looks, WHOLE_FILE))
        bar = stack.enter_context(
            tqdm(
                total=reader.info.frame_count or None,
                unit="frame",
                disable=True if arguments.quiet else None,  # None: only on a terminal
                file=sys.stderr,
            )
        )
        faces = _Faces(bar)
        recorder = Background(RecorderSink(writer, keep_partial=False), every_frame=True)
        report = run_live(
            reader, session.process, [recorder, CallSink(faces.count)], every_frame=True
        )
    remarks = [*reader.notices, *writer.notices, *faces.remarks()]
    if reader.damaged:
        remarks.append(f"{reader.damaged} damaged parts of the input were skipped or repaired")
    if reader.repaired:
        remarks.append(f"{reader.repaired} missing or repeated time stamps were moved")
    if not arguments.quiet:
        print(f"{arguments.output}: {report.frames} frames at {report.fps:.1f} fps")
        for remark in remarks:
            print(f"note: {remark}")
    if arguments.json:
        print(
            json.dumps(
                {
                    "output": str(arguments.output),
                    "frames": report.frames,
                    "frames_with_face": faces.seen,
                    "fps": round(report.fps, 2),
                    "backend": session.backend,
                    "notes": remarks,
                }
            )
        )


class _Faces:
    """Moves the progress bar on and counts frames with a face."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self.total = self.seen = 0

    def count(self, frame: Frame, result: TryOnResult) -> None:
        """Take one result into account."""
        self.total += 1
        self.seen += bool(result.faces)
        self._bar.update()

    def remarks(self) -> list[str]:
        """What the user should know."""
        if self.total and not self.seen:
            return ["no face was found in any frame: the pictures are as they were"]
        return []


def _seconds(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds")
    return value


if __name__ == "__main__":
    sys.exit(main())
