"""`python -m tryon.photo`: put a look on one photo, or on a list of photos with a look each.

The model is loaded once however many pictures there are. A picture appears under its name when it
is complete, or not at all.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from tryon import arguments as flags
from tryon.cli import one_line, run_main
from tryon.errors import ConfigError, ImageError, TryOnError


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
        prog="tryon photo", description="Put the makeup of a photo on photos."
    )
    add = parser.add_argument
    add("photo", nargs="?", type=Path, help="a photo of a face")
    add("--pairs", type=Path, metavar="TSV", help="file with source, reference in each line")
    add("-o", "--output", type=Path, required=True, help="picture, or folder with --pairs")
    flags.add_look_arguments(parser, required=False)
    flags.add_session_arguments(parser)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if arguments.pairs is not None:
        if arguments.photo is not None or arguments.ref or arguments.look:
            raise ConfigError("--pairs names sources and references itself; leave the others out")
        _run_pairs(arguments)
        return
    if arguments.photo is None:
        raise ConfigError("name a photo, or a list with --pairs")
    if not (arguments.ref or arguments.look):
        raise ConfigError("name the makeup: --ref PHOTO or --look FILE")
    from tryon.look.photo import read_photo, write_photo

    image = read_photo(arguments.photo)
    with flags.open_session(arguments, still=True) as session:
        result = session.process(image)
    if not result.faces:
        raise ImageError(f"no face found in {arguments.photo.name}; nothing was written")
    write_photo(arguments.output, result.image)
    print(f"{arguments.output}: {len(result.faces)} made up ({result.backend})")


def _run_pairs(arguments: argparse.Namespace) -> None:
    """Every line is tried; failures are told at the end and make the exit code 1."""
    from tqdm import tqdm

    from tryon.look.look import Look
    from tryon.look.photo import read_photo, write_photo

    pairs = read_pairs(arguments.pairs)
    arguments.output.mkdir(parents=True, exist_ok=True)
    looks: dict[Path, Look] = {}
    failed = 0
    with flags.open_session(arguments, still=True) as session:
        for source, reference in tqdm(pairs, unit="photo", disable=None, file=sys.stderr):
            try:
                if reference not in looks:
                    looks[reference] = (
                        Look.load(reference)
                        if reference.suffix == ".look"
                        else Look.from_photo(reference)
                    )
                session.set_look(looks[reference])
                for region, value in arguments.intensity:
                    session.set_intensity(region, value)
                session.reset()
                result = session.process(read_photo(source))
                if not result.faces:
                    raise ImageError("no face found")
                name = f"{source.stem}__{reference.stem}.png"
                write_photo(arguments.output / name, result.image)
            except TryOnError as error:
                failed += 1
                tqdm.write(f"{source.name} with {reference.name}: {one_line(error)}")
    print(f"{arguments.output}: {len(pairs) - failed} written, {failed} failed")
    if failed:
        raise ImageError(f"{failed} of {len(pairs)} pairs failed; the reasons are above")


def read_pairs(path: Path) -> list[tuple[Path, Path]]:
    """Read a TSV of source and reference; relative paths start at the file's folder."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row]
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {path}: {error}") from None
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise ImageError(f"{path.name} line {number}: give source<TAB>reference")
    return [(path.parent / source, path.parent / reference) for source, reference in rows]


if __name__ == "__main__":
    sys.exit(main())
