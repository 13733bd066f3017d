"""The real path for the figures: a photo and a look -> the picture with makeup and its face.

Every picture goes through the one `TryOnSession` that users get; nothing of it is rebuilt here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tryon.errors import ReferencePhotoError
from tryon.face.parse_fast import FastParser
from tryon.face.unwrap import unwrap_face
from tryon.look.look import Look
from tryon.look.photo import read_photo
from tryon.session import SessionConfig, TryOnSession
from tryon.train.evaluation import measures
from tryon.train.evaluation.masks import AtlasMasks, Mask, atlas_masks, mesh_pixels, seen
from tryon.train.evaluation.photos import Photo
from tryon.types import Face, FaceTexture, UInt8

LONGEST = 1024  # px; larger photos are made smaller first, like frames of a camera


@dataclass(frozen=True, eq=False)
class Worn:
    """One picture before and after."""

    before: UInt8  # (H, W, 3) RGB
    after: UInt8
    face: Face

    @cached_property
    def inside(self) -> Mask:
        """(H, W) pixels of the face."""
        return mesh_pixels(self.before.shape, self.face)

    @cached_property
    def bare(self) -> FaceTexture:
        """The face before, in the atlas."""
        return unwrap_face(self.before, self.face)

    @cached_property
    def painted(self) -> FaceTexture:
        """The face after, at the same texels."""
        return unwrap_face(self.after, self.face)

    @cached_property
    def masks(self) -> AtlasMasks:
        """The figures' masks, without what the camera does not see."""
        plain, visibility = atlas_masks(len(self.bare.visibility)), self.bare.visibility
        return AtlasMasks(
            *(seen(getattr(plain, n), visibility) for n in ("face", "skin", "lips", "lids"))
        )

    @property
    def change(self) -> float:
        """Mean |difference| inside the face, levels."""
        return measures.change(self.before, self.after, self.inside)

    @cached_property
    def ita(self) -> float:
        """Skin tone of the wearer as this photo shows it: individual typology angle, deg."""
        return tone_of(measures.skin_colour(self.bare.colour, self.masks.skin))


def tone_of(skin: measures.Floats) -> float:
    """Individual typology angle, deg, of a skin's colour (3,) in linear light."""
    import torch

    from tryon.cosmetics.substrate import skin_tone

    return float(skin_tone(torch.from_numpy(skin)[None].float())[0])


class Dresser:
    """One session for stills, and one parser for references, for the whole evaluation."""

    def __init__(self, model: Path | None = None, threads: int = 2) -> None:
        self.config = SessionConfig(stills=True, threads=threads, model=model)
        self._session = TryOnSession(config=self.config)
        self._parser = FastParser()
        self._looks: dict[Path, Look | None] = {}

    @property
    def backend(self) -> str:
        """Engine and parser in use."""
        return self._session.backend

    def look(self, photo: Photo) -> Look | None:
        """The look of a reference, made once; None where no face can be read in it."""
        if photo.path not in self._looks:
            try:
                self._looks[photo.path] = Look.from_photo(
                    read_picture(photo.path), parser=self._parser
                )
            except ReferencePhotoError:
                self._looks[photo.path] = None
        return self._looks[photo.path]

    def look_of(self, image: UInt8) -> Look:
        """The look of a picture, by the same parser."""
        return Look.from_photo(image, parser=self._parser)

    def wear(
        self, image: UInt8, look: Look, intensity: float | None = None, region: str = "all"
    ) -> Worn | None:
        """Put a look on a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            look: what to wear.
            intensity: of `region`, with every other region at 0; None takes the look's own.
            region: the only one to show when an intensity is given.

        Returns:
            The result, or None where no face was found.
        """
        self._session.set_look(look)
        if intensity is not None:
            self._session.set_intensity("all", 0.0)
            self._session.set_intensity(region, intensity)
        result = self._session.process(image)
        return Worn(image, result.image, result.faces[0]) if result.faces else None

    def face(self, image: UInt8) -> Face | None:
        """The largest face of a picture, without any look."""
        faces = self._parser.detect(image)
        return max(faces, key=lambda face: face.width) if faces else None

    def close(self) -> None:
        """Free the networks."""
        self._session.close()
        self._parser.close()

    def __enter__(self) -> Dresser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_picture(path: Path) -> UInt8:
    """A photo, at most LONGEST px a side."""
    import cv2

    image = read_photo(path)
    scale = LONGEST / max(image.shape)
    if scale >= 1:
        return image
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, np.uint8)
