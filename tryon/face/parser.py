"""What a face parser is: something that turns a picture into the faces it shows.

The parsers live in `parse_fast` and `parse`; this module holds what they share and runs no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tryon.errors import ConfigError, ImageError
from tryon.types import Face, Frame, UInt8

MAX_FACES = 4


@dataclass(frozen=True, slots=True)
class ParserConfig:
    """Settings of a face parser.

    Raises:
        ConfigError: a value is outside its range.
    """

    max_faces: int = MAX_FACES  # 1..4
    threads: int = 2  # inference threads, 1..64
    detect_every: int = 10  # frames between two searches for newcomers, 1..1000
    min_detection: float = 0.5  # detector score to accept a face, 0..1
    min_presence: float = 0.5  # face presence below which a face is lost, 0..1

    def __post_init__(self) -> None:
        ranges = {
            "max_faces": (1, MAX_FACES),
            "threads": (1, 64),
            "detect_every": (1, 1000),
            "min_detection": (0, 1),
            "min_presence": (0, 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:  # also catches NaN
                raise ConfigError(f"ParserConfig.{name} is {value}; use {low} to {high}")


class FaceParser(Protocol):
    """Finds faces; one object serves one stream and one thread."""

    name: str

    def parse(self, frame: Frame) -> tuple[Face, ...]:
        """Parse the next picture of a stream, following the faces of the previous one.

        Returns:
            The faces, landmarks (478, 3) in px of the frame, `track_id` -1; () without a face.

        Raises:
            ImageError: the picture is not (H, W, 3) uint8.
        """
        ...

    def detect(self, image: UInt8) -> tuple[Face, ...]:
        """Parse one still, (H, W, 3) uint8 RGB, without touching the state of the stream."""
        ...

    def reset(self) -> None:
        """Forget the stream, as after a cut or a seek."""
        ...

    def close(self) -> None:
        """Free the networks; idempotent. The parser cannot be used afterwards."""
        ...


def check_parser(name: str) -> None:
    """Refuse the name of a parser that does not exist.

    Raises:
        ConfigError: it is neither fast nor mediapipe.
    """
    if name not in ("fast", "mediapipe"):
        raise ConfigError(f"parser is {name!r}; choose fast or mediapipe")


def open_parser(name: str, config: ParserConfig) -> FaceParser:
    """Load a parser; its library is imported here and not before.

    Args:
        name: fast or mediapipe.
        config: settings.

    Raises:
        ConfigError: there is no such parser.
        MissingExtraError: its library is not installed.
    """
    check_parser(name)
    if name == "mediapipe":
        from tryon.face.parse import MediaPipeParser

        return MediaPipeParser(config)
    from tryon.face.parse_fast import FastParser

    return FastParser(config)


def checked_image(image: UInt8) -> UInt8:
    """Return the picture as a contiguous array.

    Args:
        image: (H, W, 3) uint8 RGB.

    Raises:
        ImageError: wrong shape or dtype, or no pixels.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"a picture must be (H, W, 3) uint8 RGB, this one is {image.shape} {image.dtype}; "
            "convert it first"
        )
    return np.ascontiguousarray(image)
