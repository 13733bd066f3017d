"""`Look`: the makeup of a reference, unwrapped once, with an intensity for each region.

A look holds pixels of the reference face in the atlas, or of several, and nothing else about the
photo: no path, no address, no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.errors import ConfigError, LookFormatError
from tryon.face.atlas import DEFAULT_SIZE
from tryon.types import MAX_INTENSITY, REGIONS, REMOVAL, FaceTexture, UInt8

if TYPE_CHECKING:
    from tryon.face.parser import FaceParser

FULL = (1.0,) * len(REGIONS)
MAX_NAME = 200  # characters
MAX_PARTS = 6  # references in a mixed look: one for each region


@dataclass(frozen=True, eq=False)
class Part:
    """One of the references of a mixed look."""

    colour: UInt8  # as in `Look`
    visibility: UInt8
    shares: tuple[float, ...]  # how much of each of REGIONS is taken from it, 0..1

    def __post_init__(self) -> None:
        _check_pixels(self.colour, self.visibility)
        if len(self.shares) != len(REGIONS) or not all(0 <= s <= 1 for s in self.shares):
            raise LookFormatError("a part of a look has one share for each region, 0 to 1")

    @cached_property
    def texture(self) -> FaceTexture:
        """The reference as the engines take it."""
        return _texture(self.colour, self.visibility)


@dataclass(frozen=True, eq=False)
class Look:
    """A makeup to wear.

    A mixed look shows in `colour` and `visibility` what it amounts to; what is worn comes from
    its parts (see `tryon.look.mix`).
    """

    colour: UInt8  # (A, A, 3) sRGB RGB of the made-up reference, hidden parts completed
    visibility: UInt8  # (A, A) how surely each texel was seen, 0..255
    name: str = "look"  # for people: printable, at most MAX_NAME characters
    intensities: tuple[float, ...] = FULL  # in the order of REGIONS, 0..1.5
    provenance: str = "photo"  # how it was made: photo, product, mix, text, removal
    parts: tuple[Part, ...] = ()  # of a mixed look, at most MAX_PARTS; shares sum to 1

    def __post_init__(self) -> None:
        _check_pixels(self.colour, self.visibility)
        if self.parts:
            sums = np.sum([part.shares for part in self.parts], 0)
            alike = all(part.colour.shape == self.colour.shape for part in self.parts)
            if len(self.parts) > MAX_PARTS or not alike or np.abs(sums - 1).max() > 1e-3:
                raise LookFormatError(
                    f"a mixed look has at most {MAX_PARTS} parts of its own size whose shares "
                    "sum to 1 in every region; mix it again"
                )
        name = self.name
        if not isinstance(name, str) or len(name) > MAX_NAME or not name.isprintable():
            raise LookFormatError(f"a look's name is at most {MAX_NAME} printable characters")

    @classmethod
    def from_photo(
        cls, photo: str | Path | bytes | UInt8, *, parser: FaceParser | None = None
    ) -> Look:
        """Make a look from a reference photo.

        Args:
            photo: path, bytes of a PNG, JPEG or WebP, or (H, W, 3) uint8 RGB.
            parser: to use; by default the fast parser, opened and closed here.

        Raises:
            ImageError: the picture cannot be read.
            ReferencePhotoError: no face, several faces, a profile, or too small a face.
        """
        from tryon.look.encode import encode_photo

        return encode_photo(photo, parser)

    @classmethod
    def removal(cls) -> Look:
        """A look that takes off what a face wears, toward bare skin, instead of adding to it.

        It mixes and has intensities like any other: `Look.mix({"all": look, "lips":
        Look.removal()})` wears a look and bare lips.
        """
        texture = np.full((DEFAULT_SIZE, DEFAULT_SIZE, 4), 255 * np.array(REMOVAL), np.uint8)
        return cls(texture[..., :3], texture[..., 3], "bare skin", provenance="removal")

    @staticmethod
    def mix(parts: Mapping[str, Look]) -> Look:
        """Lips from one look, eyes from another; see `tryon.look.mix.mix_looks`."""
        from tryon.look.mix import mix_looks

        return mix_looks(parts)

    @classmethod
    def load(cls, path: str | Path) -> Look:
        """Read a .look file, or a MakeupStyle as JSON, which is painted first.

        Raises:
            LookFormatError: anything is wrong with the .look file.
            ConfigError: the JSON file is no MakeupStyle.
        """
        if Path(path).suffix == ".json":
            from tryon.look.products import look_of_style
            from tryon.look.style_file import load_style

            return look_of_style(load_style(Path(path)), Path(path).stem)
        from tryon.look.store import load_look

        return load_look(Path(path))

    def save(self, path: str | Path) -> None:
        """Write a .look file in one piece."""
        from tryon.look.store import save_look

        save_look(self, Path(path))

    @property
    def size(self) -> int:
        """Texels a side."""
        return int(self.colour.shape[0])

    @cached_property
    def texture(self) -> FaceTexture:
        """What the look amounts to as one face, as the engines take it."""
        return _texture(self.colour, self.visibility)

    @property
    def references(self) -> tuple[Part, ...]:
        """The faces that the makeup comes from: the parts, or the look itself."""
        return self.parts or (Part(self.colour, self.visibility, FULL),)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over pixels and settings, hex."""
        settings = [self.name, list(self.intensities), self.provenance, self.size]
        sha = hashlib.sha256(json.dumps(settings, ensure_ascii=True).encode())
        sha.update(np.ascontiguousarray(self.colour).tobytes())
        sha.update(np.ascontiguousarray(self.visibility).tobytes())
        for part in self.parts:
            sha.update(json.dumps(list(part.shares)).encode())
            sha.update(np.ascontiguousarray(part.colour).tobytes())
            sha.update(np.ascontiguousarray(part.visibility).tobytes())
        return sha.hexdigest()

    def with_intensity(self, region: str, value: float) -> Look:
        """The same look with another intensity for a region, or for `all`."""
        from tryon.layer.gate import check_intensity

        value = check_intensity(region, value)
        values = tuple(
            value if region in (name, "all") else old
            for name, old in zip(REGIONS, self.intensities, strict=True)
        )
        return replace(self, intensities=values)

    def scaled(self, factor: float) -> Look:
        """The same look, every region `factor` times as strong (at most MAX_INTENSITY).

        Raises:
            ConfigError: the factor is negative or not a number.
        """
        if not factor >= 0:
            raise ConfigError(f"a look cannot be scaled by {factor}; use 0 or more")
        values = tuple(min(MAX_INTENSITY, factor * value) for value in self.intensities)
        return replace(self, intensities=values)


def _check_pixels(colour: UInt8, visibility: UInt8) -> None:
    size = len(visibility) if visibility.ndim else 0
    shapes = colour.shape == (size, size, 3) and visibility.shape == (size, size)
    if not shapes or colour.dtype != np.uint8 or visibility.dtype != np.uint8:
        raise LookFormatError(
            f"a look needs uint8 colour (A, A, 3) and visibility (A, A), not {colour.dtype} "
            f"{colour.shape} and {visibility.dtype} {visibility.shape}; "
            "make it again from the photo"
        )


def _texture(colour: UInt8, visibility: UInt8) -> FaceTexture:
    scale = np.float32(1 / 255)
    return FaceTexture(colour * scale, visibility * scale)
