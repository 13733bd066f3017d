"""`Look`: the makeup of a reference, unwrapped once, with an intensity for each region.

A look holds pixels of the reference face in the atlas and nothing else about the photo: no path,
no address, no code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.errors import LookFormatError
from tryon.types import REGIONS, FaceTexture, UInt8

if TYPE_CHECKING:
    from tryon.face.parser import FaceParser

FULL = (1.0,) * len(REGIONS)
MAX_NAME = 200  # characters


@dataclass(frozen=True, eq=False)
class Look:
    """A makeup to wear."""

    colour: UInt8  # (A, A, 3) sRGB RGB of the made-up reference, hidden parts completed
    visibility: UInt8  # (A, A) how surely each texel was seen, 0..255
    name: str = "look"  # for people: printable, at most MAX_NAME characters
    intensities: tuple[float, ...] = FULL  # in the order of REGIONS, 0..1.5
    provenance: str = "photo"  # how it was made: photo, product, mix, text

    def __post_init__(self) -> None:
        colour, visibility = self.colour, self.visibility
        size = len(visibility) if visibility.ndim else 0
        shapes = colour.shape == (size, size, 3) and visibility.shape == (size, size)
        if not shapes or colour.dtype != np.uint8 or visibility.dtype != np.uint8:
            raise LookFormatError(
                f"a look needs uint8 colour (A, A, 3) and visibility (A, A), not {colour.dtype} "
                f"{colour.shape} and {visibility.dtype} {visibility.shape}; "
                "make it again from the photo"
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
    def load(cls, path: str | Path) -> Look:
        """Read a .look file; anything wrong with it raises `LookFormatError`."""
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
        """The reference as the engines take it."""
        scale = np.float32(1 / 255)
        return FaceTexture(self.colour * scale, self.visibility * scale)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over pixels and settings, hex."""
        settings = [self.name, list(self.intensities), self.provenance, self.size]
        sha = hashlib.sha256(json.dumps(settings, ensure_ascii=True).encode())
        sha.update(np.ascontiguousarray(self.colour).tobytes())
        sha.update(np.ascontiguousarray(self.visibility).tobytes())
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
