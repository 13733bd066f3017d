"""The flags that several commands share, and what they mean: a look, a session, sizes.

It only turns words into values; the commands decide what happens with them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryon.engines.choose import ENGINE_NAMES
from tryon.errors import ConfigError
from tryon.kernels.sets import KERNELS
from tryon.types import MAX_INTENSITY, REGIONS

if TYPE_CHECKING:
    from tryon.face.parser import FaceParser
    from tryon.layer.smooth import SmoothConfig
    from tryon.look.look import Look
    from tryon.session import TryOnSession


def add_look_arguments(
    parser: argparse.ArgumentParser, *, required: bool = True, several: bool = False
) -> None:
    """Add `--ref`, `--look`, `--remove` and `--intensity`.

    Args:
        parser: receives the flags.
        required: one of `--ref`, `--look` and `--remove` must be given; `load_looks` checks it.
        several: each takes more than one look to choose from; the first is worn first.
    """
    look = parser.add_mutually_exclusive_group()
    # A single look takes one word a flag, or it would swallow the file that follows.
    many: dict[str, Any] = {"nargs": "+", "action": "extend"} if several else {"action": "append"}
    mixing = f"; REGION=NAME takes a region from it, of all, {', '.join(REGIONS)}"
    photo = "a photo of a made-up face, or a .look file: wear its makeup"
    for flag, name, text in (("--ref", "PHOTO", photo), ("--look", "FILE", "a .look file to wear")):
        look.add_argument(flag, metavar=name, default=[], help=text + mixing, **many)
    parser.add_argument(
        "--remove", nargs="*", choices=("all", *REGIONS), metavar="REGION",
        help="take makeup off, everywhere or from the regions named; the others may wear a look",
    )  # fmt: skip
    parser.set_defaults(several_looks=several, look_required=required)
    parser.add_argument(
        "--intensity",
        metavar="REGION=VALUE",
        nargs="+",
        action="extend",
        type=intensity,
        default=[],
        help=f"how strong, 0 to {MAX_INTENSITY}; REGION is all, {', '.join(REGIONS)}",
    )


def files_first(argv: Sequence[str] | None) -> list[str]:
    """The words of a command, with files that stand behind a look's flags brought to the front.

    argparse lets a flag that may take several words take all that follow, so that the photo of
    `--remove lips face.jpg` would be a region.

    Args:
        argv: arguments without the program's name; None takes the process's.
    """
    files, others, taking = [], [], False
    for word in sys.argv[1:] if argv is None else argv:
        if word.startswith("-"):
            taking = word in ("--remove", "--intensity")
        elif taking and word not in REGIONS and Path(word).exists():
            files.append(word)
            continue
        others.append(word)
    return [*files, *others]


def add_session_arguments(parser: argparse.ArgumentParser, *, faces: bool = True) -> None:
    """Add `--backend`, `--kernels`, `--overlap`, `--parser` and, if wanted, `--faces`."""
    parser.add_argument("--backend", choices=ENGINE_NAMES, default="auto", help="what runs it")
    parser.add_argument(
        "--kernels", choices=KERNELS, default="auto",
        help="what unwraps and paints; auto is cuda where the backend is on a GPU",
    )  # fmt: skip
    parser.add_argument(
        "--overlap", choices=("auto", "on", "off"), default="auto",
        help="find the faces of the next frame meanwhile; auto does where the backend is on a GPU",
    )  # fmt: skip
    parser.add_argument(
        "--parser", choices=("fast", "mediapipe"), default="fast", help="what finds the face"
    )
    if faces:
        parser.add_argument(
            "--faces", dest="max_faces", type=whole(1, 4), default=1, metavar="N",
            help="how many people, 1 to 4",
        )  # fmt: skip


def load_looks(
    arguments: argparse.Namespace, removal: Callable[[], Look] | None = None
) -> tuple[Look, ...]:
    """The looks that `--ref` or `--look` names, and `--remove`; none if nothing was given.

    Those named for regions (`lips=a.png`) become one mixed look, which comes first.

    Args:
        arguments: with the flags of `add_look_arguments`.
        removal: makes the look that takes makeup off; None is the student's.

    Raises:
        TryOnError: A photo or a file cannot be used, a region is given twice, or there is more
            than one look where only one is worn, or none where one is needed.
    """
    named: dict[str, str] = {}
    plain: list[str] = []
    for text in [*arguments.ref, *arguments.look]:
        region, _, path = text.partition("=")
        if region not in (*REGIONS, "all"):
            plain.append(text)
        elif region in named:
            raise ConfigError(f"{region} is given twice; a region comes from one look")
        else:
            named[region] = path
    bare = ["all"] if arguments.remove == [] else arguments.remove or []
    if "all" in bare and (named or plain):
        raise ConfigError("--remove takes everything off; name regions to wear a look elsewhere")
    if not arguments.several_looks and len(plain) + bool(named) > 1:
        raise ConfigError("only one look is worn here; to mix, name regions: all=a.png lips=b.png")
    if not (named or plain or bare):
        if arguments.look_required:
            raise ConfigError(
                "name the makeup: --ref PHOTO or --look FILE; or take it off: --remove"
            )
        return ()
    with ExitStack() as stack:
        photos = arguments.ref and any(not _is_look(text) for text in arguments.ref)
        parser = stack.enter_context(_photo_parser()) if photos else None

        def load(path: str) -> Look:
            from tryon.look.look import Look

            if arguments.look or _is_look(path):
                return Look.load(path)
            return Look.from_photo(path, parser=parser)

        from tryon.look.look import Look

        looks = [Look.mix({region: load(path) for region, path in named.items()})] if named else []
        looks += [load(path) for path in plain]
        if not bare:
            return tuple(looks)
        off = dict.fromkeys(bare, (removal or Look.removal)())
        return tuple(Look.mix({"all": look, **off}) for look in looks) or (Look.mix(off),)


def _is_look(path: str) -> bool:
    return path.lower().endswith(".look")


@contextmanager
def _photo_parser() -> Iterator[FaceParser]:
    """One parser for all photos: loading it takes longer than using it."""
    from tryon.face.parse_fast import FastParser

    parser = FastParser()
    try:
        yield parser
    finally:
        parser.close()


def open_session(
    arguments: argparse.Namespace,
    looks: Sequence[Look],
    smooth: SmoothConfig | None = None,
    *,
    stills: bool = False,
    every_frame: bool = False,
) -> TryOnSession:
    """A session that wears the first look, if any, at the intensities named.

    Args:
        arguments: with the flags of both `add_...` functions.
        looks: of `load_looks`.
        smooth: how layers are smoothed over time; None smooths as for a camera.
        stills: each picture is taken for itself.
        every_frame: the student runs in each frame, however long it takes.

    Raises:
        TryOnError: The networks cannot be loaded.
    """
    from tryon.layer.refresh import RefreshConfig
    from tryon.layer.smooth import LIVE
    from tryon.session import SessionConfig, TryOnSession

    config = SessionConfig(
        backend=arguments.backend,
        kernels=arguments.kernels,
        overlap=arguments.overlap,
        parser=arguments.parser,
        max_faces=arguments.max_faces,
        stills=stills,
        smooth=smooth or LIVE,
        refresh=RefreshConfig(fps=0) if every_frame else RefreshConfig(),
    )
    session = TryOnSession(looks[0] if looks else None, config)
    for region, value in arguments.intensity:
        session.set_intensity(region, value)
    return session


def intensity(text: str) -> tuple[str, float]:
    """`lips=0.7` -> ("lips", 0.7)."""
    region, _, value = text.partition("=")
    if region not in (*REGIONS, "all"):
        raise argparse.ArgumentTypeError(f"{region!r} is none of all, {', '.join(REGIONS)}")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= MAX_INTENSITY:
        raise argparse.ArgumentTypeError(f"{text!r} is not REGION=VALUE, 0 to {MAX_INTENSITY}")
    return region, number


def size(text: str) -> tuple[int, int]:
    """`1280x720` -> (1280, 720)."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1280x720")
    return int(width), int(height)


class whole:  # noqa: N801  # used as a type in argparse, which prints its name
    """A whole number within bounds, for argparse."""

    def __init__(self, low: int, high: int = 2**31) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> int:
        """Convert one argument."""
        if not text.isdecimal() or not self._low <= int(text) <= self._high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {self._low}")
        return int(text)
