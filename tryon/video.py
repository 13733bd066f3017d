"""`python -m tryon.video`: put a look on a video file.

Every frame is made up and keeps its time stamp; sound and subtitles are copied. The output appears
under its name when it is complete; a run that was stopped goes on where it was when given again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from tryon import arguments as flags
from tryon.console import run_main


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, flags.files_first(argv))


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
    add("--tone-map", action="store_true", help="bring HDR to BT.709 instead of refusing it")
    add("--overwrite", action="store_true", help="replace an existing output")
    add("--json", action="store_true", help="print what was done as one JSON object, last line")
    add("--quiet", action="store_true", help="no progress bar and no remarks")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from tryon.offline import VideoTask, Wish, make_up_video
    from tryon.streaming.media import VideoReader
    from tryon.streaming.media_files import check_output

    # What may be refused at once comes before what takes time to load.
    check_output(arguments.output, overwrite=arguments.overwrite)
    VideoReader(
        arguments.input, start=arguments.start, end=arguments.end, tone_map=arguments.tone_map
    ).close()
    (look,) = flags.load_looks(arguments)
    wish = Wish.of(arguments, look)
    task = VideoTask(
        Path(arguments.input),
        Path(arguments.output),
        arguments.start,
        arguments.end,
        arguments.tone_map,
        arguments.overwrite,
    )
    with ExitStack() as stack:
        bars: list[tqdm[Any]] = []

        def began(total: int, done: int) -> None:
            bar = tqdm(
                total=total or None,
                initial=done,
                unit="frame",
                disable=True if arguments.quiet else None,  # None: only on a terminal
                file=sys.stderr,
            )
            bars.append(stack.enter_context(bar))

        done = make_up_video(
            task,
            wish.key,
            lambda: stack.enter_context(wish.open()),
            began,
            lambda: bars[0].update(),
        )
    if not arguments.quiet:
        print(f"{arguments.output}: {done.frames} frames at {done.fps:.1f} fps")
        for note in done.notes:
            print(f"note: {note}")
    if arguments.json:
        print(json.dumps({"output": arguments.output, **asdict(done), "fps": round(done.fps, 2)}))


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
