"""`python -m tryon.look make|show|paint`: make a .look file, show one, paint a style on a photo."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tryon.cli import run_main
from tryon.errors import ConfigError, LookFormatError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tryon look", description="Make and show .look files.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="a look from a reference photo")
    make.add_argument("photo", help="PNG, JPEG or WebP of one made-up face")
    make.add_argument("-o", "--output", type=Path, required=True, help="the .look file to write")
    show = commands.add_parser("show", help="a contact sheet of a look")
    show.add_argument("look", help="a .look file")
    show.add_argument("-o", "--output", type=Path, help="PNG; default NAME_sheet.png beside it")
    paint = commands.add_parser("paint", help="paint a MakeupStyle on a photo")
    paint.add_argument("style", type=Path, help="a MakeupStyle as JSON")
    paint.add_argument("--on", required=True, metavar="PHOTO", help="a photo of a bare face")
    paint.add_argument("-o", "--output", type=Path, required=True, help="picture to write")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    {"make": _make, "show": _show, "paint": _paint}[arguments.command](arguments)


def _make(arguments: argparse.Namespace) -> None:
    from tryon.look.look import Look

    if arguments.output.suffix != ".look":
        raise LookFormatError(f"end the name in .look, not {arguments.output.name}")
    look = Look.from_photo(arguments.photo)
    look.save(arguments.output)
    print(f"{arguments.output}: {look.name}, {look.size}², digest {look.digest[:12]}")


def _show(arguments: argparse.Namespace) -> None:
    from tryon.look.look import Look
    from tryon.look.photo import write_photo
    from tryon.look.sheet import contact_sheet

    look = Look.load(arguments.look)
    source = Path(arguments.look)
    # Not NAME.png: that may well be the photo from which the look was made.
    output = arguments.output or source.with_name(f"{source.stem}_sheet.png")
    write_photo(output, contact_sheet(look))
    print(f"{output}: {look.name} ({look.provenance}), digest {look.digest[:12]}")


def _paint(arguments: argparse.Namespace) -> None:
    from tryon.cosmetics.style import MakeupStyle
    from tryon.look.photo import read_photo, write_photo
    from tryon.look.products import paint_photo

    try:
        data = json.loads(arguments.style.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {arguments.style}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{arguments.style.name} is no MakeupStyle; it must be a JSON object")
    image = paint_photo(read_photo(arguments.on), MakeupStyle.from_json(data))
    write_photo(arguments.output, image)
    print(f"{arguments.output}: painted")


if __name__ == "__main__":
    sys.exit(main())
