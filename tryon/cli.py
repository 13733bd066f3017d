"""The `tryon` command: hands its arguments to a subcommand and turns errors into one line.

A fault ends with exit code 1, wrong usage with 2, Ctrl-C and SIGTERM with 130; a traceback is shown
only with `--debug`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from tryon.errors import TryOnError

# Name -> module with `main(argv) -> int`, and what it is for; loaded when asked for.
COMMANDS = {
    "webcam": ("tryon.webcam", "wear a look in front of the camera"),
    "video": ("tryon.video", "put a look on a video file"),
    "photo": ("tryon.photo", "put a look on photos"),
    "batch": ("tryon.batch", "put a look on a folder of photos and videos"),
    "look": ("tryon.look_cli", "make and show .look files"),
    "demo": ("tryon.demos.gradio_live.__main__", "serve the live page to a browser"),
    "bench": ("tryon.bench", "measure speed on this machine"),
    "doctor": ("tryon.doctor", "what this machine can do, and what to install for more"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    import tryon

    names = "\n".join(f"  {name:8} {what}" for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="tryon",
        description="Wear the makeup of any photo, live, on your own machine.",
        epilog=f"commands:\n{names}\n\n`tryon COMMAND --help` tells more of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tryon {tryon.__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    module = import_module(COMMANDS[arguments.command][0])
    return int(module.main(arguments.rest))


def run_main(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse the arguments of one command and run it; the body of every `main`.

    Args:
        parser: The command's parser; `--debug` is added to it.
        run: Does the work; errors end it.
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code: 0, 1 fault (one line on stderr), 2 usage, 130 interrupted.
    """
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has said what is wrong
        return int(stop.code or 0)
    try:
        with _stoppable():
            run(arguments)
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        print("interrupted" + (f": {stop}" if stop.args else ""), file=sys.stderr)
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 0
        if arguments.debug:
            traceback.print_exc()
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    return 0


def _nobody_reads() -> bool:
    """Whether the reader of our output has gone, as `| head` does; then no more is said to it."""
    try:
        # A flush that failed once may pass in silence; a line end at the end does no harm.
        os.write(sys.stdout.fileno(), b"\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    except (OSError, ValueError):  # not a real file: somebody else reads it
        return False
    return False


@contextmanager
def _stoppable() -> Iterator[None]:
    """While it lasts SIGTERM does what Ctrl-C does, so that half-written files are put away."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread: whoever started it stops it
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def one_line(error: Exception) -> str:
    """An error in one line; one that is not ours says that it should not have happened."""
    text = " ".join(str(error).split())
    if isinstance(error, TryOnError):
        return text
    return f"unexpected {type(error).__name__}: {text} (run again with --debug and report it)"


if __name__ == "__main__":
    sys.exit(main())
