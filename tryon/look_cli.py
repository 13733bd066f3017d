"""`python -m tryon.look`: make looks from photos, products or palettes; show them; paint styles.

Arguments and printing only; what a look is and how it is painted is done elsewhere.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tryon.cli import run_main
from tryon.cosmetics.captions import caption
from tryon.cosmetics.style import MakeupStyle
from tryon.errors import ConfigError, LookFormatError
from tryon.look.style_file import PRODUCTS, add_product, load_style, save_style


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
    product = commands.add_parser(
        "product",
        help="a look from products: colour, finish and coverage of each",
        description="PRODUCT is #rrggbb[:finish][:coverage][:NAME=VALUE]..., for instance "
        "#a5122a:matte:0.9. Write a .look to wear, or a .json to paint and to change.",
    )
    for name in PRODUCTS:
        product.add_argument(f"--{name}", metavar="PRODUCT", help=f"what to put on as {name}")
    product.add_argument("--from", dest="base", type=Path, help="a MakeupStyle to start from")
    product.add_argument("-o", "--output", type=Path, required=True, help=".look or .json to write")
    palette = commands.add_parser("palette", help="a look in the colours of any picture")
    palette.add_argument("picture", help="PNG, JPEG or WebP; no face is needed")
    palette.add_argument("--seed", type=int, default=0, help="another seed, another idea")
    palette.add_argument("-o", "--output", type=Path, required=True, help=".look or .json to write")
    gallery = commands.add_parser("gallery", help="a small picture of every style in a folder")
    gallery.add_argument("folder", type=Path, help="folder of MakeupStyle JSON files")
    gallery.add_argument("--on", required=True, metavar="PHOTO", help="a photo of a bare face")
    gallery.add_argument("--height", type=int, default=256, help="of a picture, px")
    paint = commands.add_parser("paint", help="paint a MakeupStyle on a photo")
    paint.add_argument("style", type=Path, help="a MakeupStyle as JSON")
    paint.add_argument("--on", required=True, metavar="PHOTO", help="a photo of a bare face")
    paint.add_argument("-o", "--output", type=Path, required=True, help="picture to write")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    commands = {
        "make": _make, "show": _show, "paint": _paint, "product": _product, "palette": _palette,
        "gallery": _gallery,
    }  # fmt: skip
    commands[arguments.command](arguments)


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
    from tryon.look.photo import read_photo, write_photo
    from tryon.look.products import paint_photo

    style = load_style(arguments.style)
    image = paint_photo(read_photo(arguments.on), style)
    write_photo(arguments.output, image)
    print(f"{arguments.output}: painted")


def _product(arguments: argparse.Namespace) -> None:
    style = load_style(arguments.base) if arguments.base else MakeupStyle()
    for flag in PRODUCTS:
        if (text := getattr(arguments, flag)) is not None:
            style = add_product(style, flag, text)
    if not style.worn():
        raise ConfigError("no product given; name one, for instance --lips '#a5122a:matte:0.9'")
    _write(style, arguments.output)


def _palette(arguments: argparse.Namespace) -> None:
    from tryon.look.palette import style_from_picture
    from tryon.look.photo import read_photo

    _write(style_from_picture(read_photo(arguments.picture), arguments.seed), arguments.output)


def _gallery(arguments: argparse.Namespace) -> None:
    from tryon.look.photo import read_photo, write_photo
    from tryon.look.products import paint_thumbnails

    files = sorted(arguments.folder.glob("*.json"))
    if not files:
        raise ConfigError(
            f"no .json file in {arguments.folder}; give a folder of MakeupStyle files"
        )
    styles = {path: load_style(path) for path in files}
    photo = read_photo(arguments.on)
    pictures = paint_thumbnails(photo, list(styles.values()), arguments.height)
    for path, picture in zip(styles, pictures, strict=True):
        write_photo(path.with_suffix(".jpg"), picture)
        print(f"{path.with_suffix('.jpg')}: {caption(styles[path], form='short')}")


def _write(style: MakeupStyle, output: Path) -> None:
    """A style as what the name asks for: a look to wear, or JSON to read and change."""
    if output.suffix == ".json":
        save_style(style, output)
    elif output.suffix == ".look":
        from tryon.look.products import look_of_style

        look_of_style(style, output.stem).save(output)
    else:
        raise LookFormatError(f"end the name in .look or .json, not {output.name}")
    print(f"{output}: {caption(style)}")


if __name__ == "__main__":
    sys.exit(main())
