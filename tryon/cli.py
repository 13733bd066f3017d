"""The `tryon` command: hands its arguments to a subcommand, which it loads only then."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

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


if __name__ == "__main__":
    sys.exit(main())
