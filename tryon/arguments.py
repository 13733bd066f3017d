"""The flags that several commands share, and what they mean: a look, a session, sizes.

It only turns words into values; the commands decide what happens with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tryon.types import MAX_INTENSITY, REGIONS

if TYPE_CHECKING:
    from tryon.layer.smooth import SmoothConfig
    from tryon.look.look import Look
    from tryon.session import TryOnSession


def add_look_arguments(
    parser: argparse.ArgumentParser, *, required: bool = True, several: bool = False
) -> None:
    """Add `--ref`, `--look` and `--intensity`.

    Args:
        parser: receives the flags.
        required: one of `--ref` and `--look` must be given.
        several: each takes more than one name; the first is worn first.
    """
    look = parser.add_mutually_exclusive_group(required=required)
    count = "+" if several else None
    photo, file = "a photo of a made-up face: wear its makeup", "a .look file to wear"
    look.add_argument("--ref", metavar="PHOTO", nargs=count, help=photo)
    look.add_argument("--look", metavar="FILE", nargs=count, help=file)
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


def load_looks(arguments: argparse.Namespace) -> tuple[Look, ...]:
    """The looks that `--ref` or `--look` names; none if neither was given.

    Raises:
        TryOnError: A photo or a file cannot be used.
    """
    from tryon.look.look import Look

    def names(value: str | list[str] | None) -> list[str]:
        return [value] if isinstance(value, str) else value or []

    files = tuple(Look.load(name) for name in names(arguments.look))
    return files or tuple(Look.from_photo(name) for name in names(arguments.ref))


def open_session(
    arguments: argparse.Namespace,
    looks: Sequence[Look],
    smooth: SmoothConfig | None = None,
    *,
    stills: bool = False,
) -> TryOnSession:
    """A session that wears the first look, if any, at the intensities named.

    Args:
        arguments: with the flags of both `add_...` functions.
        looks: of `load_looks`.
        smooth: how layers are smoothed over time; None smooths as for a camera.
        stills: each picture is taken for itself.

    Raises:
        TryOnError: The networks cannot be loaded.
    """
    from tryon.layer.smooth import LIVE
    from tryon.session import SessionConfig, TryOnSession

    config = SessionConfig(
        backend=arguments.backend,
        parser=arguments.parser,
        max_faces=arguments.faces,
        stills=stills,
        smooth=smooth or LIVE,
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
