"""The flags that several commands share, and what they mean: a look, a session, sizes.

It only turns words into values; the commands decide what happens with them.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tryon.types import REGIONS

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.session import TryOnSession

MAX_INTENSITY = 1.5


def add_look_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--ref`, `--look` (one of them, and it is needed if `required`) and `--intensity`."""
    look = parser.add_mutually_exclusive_group(required=required)
    look.add_argument("--ref", metavar="PHOTO", help="a photo of a made-up face: wear its makeup")
    look.add_argument("--look", metavar="FILE", help="a .look file to wear")
    parser.add_argument(
        "--intensity",
        metavar="REGION=VALUE",
        nargs="+",
        action="extend",
        type=intensity,
        default=[],
        help=f"how strong, 0 to {MAX_INTENSITY}; REGION is all, {', '.join(REGIONS)}",
    )


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--backend`, `--parser` and `--faces`."""
    parser.add_argument(
        "--backend", choices=("auto", "openvino", "torch"), default="auto", help="what runs it"
    )
    parser.add_argument(
        "--parser", choices=("fast", "mediapipe"), default="fast", help="what finds the face"
    )
    parser.add_argument(
        "--faces", type=whole(1, 4), default=1, metavar="N", help="how many people, 1 to 4"
    )


def load_look(arguments: argparse.Namespace) -> Look:
    """The look that `--ref` or `--look` names.

    Raises:
        TryOnError: The photo or the file cannot be used.
    """
    from tryon.look.look import Look

    return Look.load(arguments.look) if arguments.look else Look.from_photo(arguments.ref)


def open_session(arguments: argparse.Namespace, *, still: bool = False) -> TryOnSession:
    """A session that wears the look named, if any, at the intensities named.

    Args:
        arguments: with the flags of both `add_...` functions.
        still: each picture is taken for itself, nothing fades in.

    Raises:
        TryOnError: The look or the networks cannot be loaded.
    """
    from tryon.session import SessionConfig, TryOnSession

    make = SessionConfig.for_stills if still else SessionConfig
    config = make(backend=arguments.backend, parser=arguments.parser, max_faces=arguments.faces)
    look = load_look(arguments) if arguments.ref or arguments.look else None
    session = TryOnSession(look, config)
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
