"""`python -m tryon.photo`: put a look on one photo, or on a list of photos with a look each.

The model, the student or (in quality mode) the teacher, is loaded once however many pictures there
are. A picture appears under its name when it is complete, or not at all.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tryon import arguments as flags
from tryon.console import one_line, run_main
from tryon.errors import ConfigError, ImageError, TryOnError

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.offline import StillWearer

SHIPPED_TEACHER = (
    "note: the teacher that ships is a small one, trained on two CPU cores; on photographs the "
    "student is still better (see MODEL_CARD.md). Train it on: python -m tryon.train.teacher --init"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, flags.files_first(argv))


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
    add("--teacher", action="store_true", help="quality mode: slower, by the diffusion teacher")
    add("--teacher-weights", type=Path, metavar="FOLDER", help="a teacher that you trained")
    add("--steps", type=flags.whole(1, 1000), metavar="N", help="denoising steps (default: 4)")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.teacher:
        for name in ("teacher_weights", "steps"):
            if getattr(arguments, name):
                raise ConfigError(f"--{name.replace('_', '-')} is for quality mode; add --teacher")
    if arguments.pairs is not None:
        worn = (arguments.photo, arguments.remove, arguments.ref or None, arguments.look or None)
        if any(value is not None for value in worn):
            raise ConfigError("--pairs names sources and references itself; leave the others out")
        _run_pairs(arguments)
        return
    if arguments.photo is None:
        raise ConfigError("name a photo, or a list with --pairs")
    arguments.look_required = True
    from tryon.look.photo import read_photo, write_photo
    from tryon.offline import make_up

    image = read_photo(arguments.photo)
    with _open_session(arguments, _looks(arguments)) as session:
        result = make_up(session, image, arguments.photo.name)
    write_photo(arguments.output, result.image)
    print(f"{arguments.output}: {len(result.faces)} made up ({result.backend})")


def _looks(arguments: argparse.Namespace) -> Sequence[Look]:
    """The look to wear, if it is the same for every photo."""
    if arguments.teacher:  # which takes makeup off as it puts it on: after a bare reference
        from tryon.quality import bare_look

        return flags.load_looks(arguments, removal=bare_look)
    return flags.load_looks(arguments)


@contextmanager
def _open_session(arguments: argparse.Namespace, looks: Sequence[Look]) -> Iterator[StillWearer]:
    """What wears the looks: a session with the student, or with the teacher and a bar of its steps.

    Raises:
        TryOnError: the networks cannot be loaded.
    """
    if not arguments.teacher:
        with flags.open_session(arguments, looks, stills=True) as session:
            yield session
        return
    from tqdm import tqdm

    from tryon.quality import QualityConfig, QualitySession

    if arguments.kernels == "cuda":
        raise ConfigError("the teacher paints on the CPU; use --kernels auto")
    config = QualityConfig(
        arguments.teacher_weights,
        arguments.steps or QualityConfig().steps,
        backend=arguments.backend,
        parser=arguments.parser,
        max_faces=arguments.max_faces,
    )
    with (
        tqdm(unit="step", disable=None, leave=False, file=sys.stderr) as bar,
        QualitySession(config, _shown_on(bar.reset, bar.update)) as quality,
    ):
        for look in looks:
            quality.set_look(look)
        for region, value in arguments.intensity:
            quality.set_intensity(region, value)
        if arguments.teacher_weights is None:
            bar.write(SHIPPED_TEACHER, file=sys.stderr)
        yield quality


def _shown_on(
    begin: Callable[[int], object], step: Callable[[int], object]
) -> Callable[[int, int], None]:
    """Progress of each face in turn on a bar."""

    def on_step(done: int, total: int) -> None:
        if done == 1:
            begin(total)
        step(1)

    return on_step


def _run_pairs(arguments: argparse.Namespace) -> None:
    """Every line is tried; failures are told at the end and make the exit code 1."""
    from tqdm import tqdm

    from tryon.look.look import Look
    from tryon.offline import make_up_photo

    pairs = read_pairs(arguments.pairs)
    names = [f"{source.stem}__{reference.stem}.png" for source, reference in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two pairs would both be written to {twice}; rename a picture")
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"cannot make the folder {arguments.output}: {error.strerror}") from None
    looks: dict[Path, Look] = {}
    failed = 0
    with _open_session(arguments, ()) as session:
        bar = tqdm(names, unit="photo", disable=None, file=sys.stderr)
        for (source, reference), name in zip(pairs, bar, strict=True):
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
                make_up_photo(session, source, arguments.output / name)
            except TryOnError as error:
                failed += 1
                reason = f"{source.name} with {reference.name}: {one_line(error)}"
                tqdm.write(reason, file=sys.stderr)
    print(f"{arguments.output}: {len(pairs) - failed} written, {failed} failed")
    if failed:
        raise ImageError(f"{failed} of {len(pairs)} pairs failed; the reasons are above")


def read_pairs(path: Path) -> list[tuple[Path, Path]]:
    """Read a TSV of source and reference; relative paths start at the file's folder.

    Raises:
        ImageError: the list cannot be read, is empty, or a line is not two names.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, delimiter="\t")
            rows = [(lines.line_num, row) for row in lines if row]
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImageError(f"{path.name} is no list of pairs ({error}); save it as UTF-8") from None
    for number, row in rows:
        if len(row) != 2 or not all(row):
            raise ImageError(f"{path.name} line {number}: give source<TAB>reference")
    if not rows:
        raise ImageError(f"{path.name} is empty; give source<TAB>reference in each line")
    return [(path.parent / source, path.parent / reference) for _, (source, reference) in rows]


if __name__ == "__main__":
    sys.exit(main())
