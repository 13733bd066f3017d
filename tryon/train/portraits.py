"""Portraits cut out around their faces, as they are or made up, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tryon.cosmetics.sampler import StyleSampler
from tryon.face.parse_fast import FastParser
from tryon.look.products import paint_face
from tryon.types import Face, UInt8

WIDTH = 180  # px, a face at most: the atlas that the occlusion network reads shows no more
ROUND = 1.05  # face widths kept on each side of its middle


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One face with its surroundings."""

    image: UInt8  # (H, H, 3), the face in the middle
    face: Face


class Portraits:
    """The pictures of a face cache."""

    def __init__(self, folder: Path, names: Sequence[str], parser: FastParser, seed: int) -> None:
        self._folder, self._names, self._parser = folder, names, parser
        self._styles = StyleSampler(seed, foundation=True)
        self._bare = lru_cache(4096)(self._read)
        self._made_up = lru_cache(4096)(self._paint)

    def __call__(self, who: int, style: int | None = None) -> Portrait | None:
        """One portrait; None where no face is found.

        Args:
            who: number of its name.
            style: which of this face's random styles it wears; None is as it is.
        """
        return self._bare(who) if style is None else self._made_up(who, style)

    def _read(self, who: int) -> Portrait | None:
        import cv2
        from PIL import Image

        name = self._names[who]
        with Image.open(self._folder / name) as file:
            image = np.asarray(file.convert("RGB"))
        faces = self._parser.detect(image)
        if not faces:
            return None
        face = faces[0]
        x0, y0, x1, y1 = face.box
        half = ROUND * face.width
        left, top = (round((a + b) / 2 - half) for a, b in ((x0, x1), (y0, y1)))
        side = round(2 * half)
        move = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
        cut = cv2.warpAffine(image, move, (side, side), borderMode=cv2.BORDER_REPLICATE)
        scale = min(1.0, WIDTH / face.width)
        small = cv2.resize(cut, (round(side * scale),) * 2, interpolation=cv2.INTER_AREA)
        shift = np.array([left, top, 0], np.float32)
        landmarks = ((face.landmarks - shift) * scale).astype(np.float32)
        return Portrait(np.asarray(small), Face(landmarks, face.pose, face.confidence))

    def _paint(self, who: int, style: int) -> Portrait | None:
        del style  # drawn once, then kept
        bare = self._bare(who)
        if bare is None:
            return None
        image = bare.image.copy()
        paint_face(image, bare.face, self._styles(), covered=False)
        return Portrait(image, bare.face)
