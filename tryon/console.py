"""How every command ends: a fault is one line and exit code 1, wrong usage 2, a stop 130.

Ctrl-C and SIGTERM do the same; a traceback is shown only with `--debug`. It knows no command.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from tryon.errors import TryOnError

LATER = 0.05  # s after which a signal that came during an import comes again


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
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job may ignore Ctrl-C
        numbers.append(signal.SIGINT)
    before = {}
    try:
        for number in numbers:
            before[number] = signal.signal(number, _interrupt)
    except ValueError:  # not in the main thread: whoever started it stops it
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; during an import of the main thread, when that is done.

    An exception in the middle of an import can leave Python's lock of the module closed, and the
    next thread that imports it would wait for ever.
    """
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    if frame is None:
        raise KeyboardInterrupt
    again = threading.Timer(LATER, _send_to_main_thread, (number,))
    again.daemon = True
    again.start()


def _send_to_main_thread(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # which ends its waiting, too
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def one_line(error: Exception) -> str:
    """An error in one line; one that is not ours says that it should not have happened."""
    text = " ".join(str(error).split())
    if isinstance(error, TryOnError):
        return text
    return f"unexpected {type(error).__name__}: {text} (run again with --debug and report it)"
