"""`python -m tryon.look`: make looks from photos, products, palettes or words; show, find, paint.

Arguments and printing only; what a look is and how it is painted is done elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tryon.console import one_line, run_main
from tryon.cosmetics.captions import caption
from tryon.cosmetics.style import MakeupStyle
from tryon.errors import ConfigError, ImageError, LookFormatError, TryOnError, WeightsError
from tryon.look.style_file import PRODUCTS, add_product, load_style, save_style

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.look.words import Described


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
    text = commands.add_parser(
        "text",
        help="a look from words",
        description="Colours, finishes, shapes and products are taken as named. Other words call "
        "a look of the gallery (festival, gothic, hollywood...), or are left to the makeup "
        "encoder, which looks for what is nearest.",
    )
    text.add_argument("words", help="such as 'soft matte brick-red lips, taupe smoky eyes'")
    text.add_argument("--seed", type=int, default=0, help="another seed, other ideas")
    text.add_argument("-o", "--output", type=Path, required=True, help=".look or .json to write")
    similar = commands.add_parser("similar", help="which looks are most like one, by the makeup")
    similar.add_argument("query", type=Path, help="a photo, a .look file or a style as JSON")
    similar.add_argument("looks", type=Path, nargs="+", help="what to compare it with, alike")
    similar.add_argument("--json", action="store_true", help="print JSON instead of a table")
    for command in (text, similar):
        command.add_argument(
            "--encoder", type=Path, metavar="FOLDER", help="a makeup encoder that you trained"
        )
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
        "gallery": _gallery, "text": _text, "similar": _similar,
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


def _text(arguments: argparse.Namespace) -> None:
    from tryon.look.words import read_description

    described = read_description(arguments.words)
    style = described.style()
    if described.unknown or not described.says_something:
        style = _open_style(arguments, described)
    _write(style, arguments.output, "text")


def _open_style(arguments: argparse.Namespace, described: Described) -> MakeupStyle:
    """A style for words that name no product.

    A look of the gallery that is called so; else what the encoder finds; without an encoder only
    what the other words name.
    """
    from importlib.resources import files

    from tryon.look.from_text import SearchConfig, search_style
    from tryon.look.makeup_vectors import MakeupVectors

    gallery = sorted(Path(str(files("tryon.demos") / "looks")).glob("*.json"))
    called = {path: len(set(path.stem.split("_")) & set(described.unknown)) for path in gallery}
    if any(called.values()):
        named = max(gallery, key=lambda path: called[path])
        print(f"as in {named.stem}, a look of the gallery", file=sys.stderr)
        return described.on(load_style(named))
    said = ", ".join(described.unknown)
    try:
        vectors = MakeupVectors(arguments.encoder)
    except WeightsError as error:
        if arguments.encoder or not described.layers:
            raise WeightsError(f"{said or 'this'} names no product, and {error}") from None
        print(f"not understood: {said} ({error})", file=sys.stderr)
        return described.style()
    ideas = [load_style(path) for path in gallery]
    config = SearchConfig(seed=arguments.seed)
    return search_style(arguments.words, described, vectors, ideas, config)


def _similar(arguments: argparse.Namespace) -> None:
    from tryon.look.makeup_vectors import MakeupVectors

    vectors = MakeupVectors(arguments.encoder)
    query = vectors.of_looks([_any_look(arguments.query)])[0]
    looks: dict[Path, Look] = {}
    for path in arguments.looks:
        try:
            looks[path] = _any_look(path)
        except TryOnError as error:  # the others are ranked all the same
            print(f"{path}: {one_line(error)}", file=sys.stderr)
    found = vectors.of_looks(list(looks.values())) @ query if looks else ()
    ranked = sorted(zip(map(float, found), looks, strict=True), key=lambda x: (-x[0], x[1]))
    if arguments.json:
        rows = [{"look": str(path), "similarity": round(near, 4)} for near, path in ranked]
        print(json.dumps(rows, indent=1))
    else:
        for number, (near, path) in enumerate(ranked, 1):
            print(f"{number:4}  {near:6.3f}  {path}")
    if len(looks) < len(arguments.looks):
        raise ImageError(f"{len(arguments.looks) - len(looks)} could not be used; see above")


def _any_look(path: Path) -> Look:
    from tryon.look.look import Look

    return Look.load(path) if path.suffix in (".look", ".json") else Look.from_photo(path)


def _write(style: MakeupStyle, output: Path, provenance: str = "product") -> None:
    """A style as what the name asks for: a look to wear, or JSON to read and change."""
    if output.suffix == ".json":
        save_style(style, output)
    elif output.suffix == ".look":
        from tryon.look.products import look_of_style

        replace(look_of_style(style, output.stem), provenance=provenance).save(output)
    else:
        raise LookFormatError(f"end the name in .look or .json, not {output.name}")
    print(f"{output}: {caption(style)}")


if __name__ == "__main__":
    sys.exit(main())
