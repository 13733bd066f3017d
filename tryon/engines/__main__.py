"""`python -m tryon.engines build|list|clear`: TensorRT engines ahead of time, and what is kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tryon.arguments import whole
from tryon.console import run_main
from tryon.engines.cache import EngineCache
from tryon.engines.choose import ENGINE_NAMES, why_not
from tryon.models.weights import STUDENT_DIR


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon.engines", description="Runtimes and what they keep."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the TensorRT engines that are missing")
    build.add_argument(
        "--faces", type=whole(1, 4), default=4, metavar="N", help="for 1 to N faces (default: 4)"
    )
    build.add_argument(
        "--model", type=Path, default=STUDENT_DIR, metavar="FOLDER", help="of the student"
    )
    commands.add_parser("list", help="engines of this machine, and those that were built")
    commands.add_parser("clear", help="delete the engines that were built")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    cache = EngineCache()
    if arguments.command == "build":
        from tryon.engines.tensorrt_build import build_missing

        build_missing(arguments.model, cache, _say, arguments.faces)
        _say(f"{arguments.faces} of {arguments.faces} engines ready in {cache.root}")
    elif arguments.command == "list":
        _list(cache)
    else:
        count, size = cache.clear()
        print(f"deleted {count} engines, {size / 2**20:.1f} MiB, in {cache.root}")


def _say(line: str) -> None:
    """Print at once; a build goes on when nobody listens any more."""
    with suppress(BrokenPipeError):
        print(line, flush=True)


def _list(cache: EngineCache) -> None:
    for name in ENGINE_NAMES[1:]:
        print(f"{name:12}{why_not(name) or 'ok'}")
    print(f"\nbuilt, in {cache.root}:")
    for entry in cache.entries():
        key = entry.key
        print(
            f"  {key.shape:14}{key.precision:5}{entry.size / 2**20:8.1f} MiB  {key.gpu} "
            f"({key.capability}), TensorRT {key.tensorrt}, weights {key.weights[:12]}"
        )
    if not cache.entries():
        print("  none")


if __name__ == "__main__":
    sys.exit(main())
