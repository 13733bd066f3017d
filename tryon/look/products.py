"""Style -> painted photo, at its full resolution; and style -> look, painted on a free portrait.

Looks that we may publish are made this way. It never sees the wearer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tryon.cosmetics.style import MakeupStyle
from tryon.errors import ReferencePhotoError
from tryon.face.occlusion import uncovered
from tryon.face.parse_fast import FastParser
from tryon.face.unwrap import unwrap_face
from tryon.look.look import MAX_NAME, Look
from tryon.look.store import decode_look
from tryon.types import Face, UInt8

if TYPE_CHECKING:
    from torch import Tensor


def paint_photo(image: UInt8, style: MakeupStyle) -> UInt8:
    """Paint a style on every face of a photo.

    Args:
        image: (H, W, 3) uint8 RGB.
        style: what to paint.

    Returns:
        A new picture; pixels outside the makeup keep their bytes.

    Raises:
        ReferencePhotoError: no face found.
    """
    out = image.copy()
    for face in _faces(image):
        paint_face(out, face, style)
    return out


def paint_thumbnails(image: UInt8, styles: Sequence[MakeupStyle], height: int) -> Iterator[UInt8]:
    """Each style on the largest face of a photo, cut out and made small.

    Args:
        image: (H, W, 3) uint8 RGB.
        styles: what to paint, one a picture.
        height: of the pictures in px; they are 4:5.

    Raises:
        ReferencePhotoError: no face found.
    """
    from PIL import Image

    face = max(_faces(image), key=lambda found: found.width)
    x0, y0, x1, y1 = face.box
    half = 0.62 * (y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    cut = (round(x - 0.8 * half), round(y - half), round(x + 0.8 * half), round(y + half))
    for style in styles:
        painted = image.copy()
        paint_face(painted, face, style)
        tile = Image.fromarray(painted).crop(cut)
        small = tile.resize((round(0.8 * height), height), Image.Resampling.LANCZOS)
        yield np.asarray(small)


def _faces(image: UInt8) -> Sequence[Face]:
    parser = FastParser()
    try:
        faces = parser.detect(image)
    finally:
        parser.close()
    if not faces:
        raise ReferencePhotoError("no face found to paint on; use a sharp photo of a face")
    return faces


def paint_face(image: UInt8, face: Face, style: MakeupStyle, *, covered: bool = True) -> None:
    """Paint a style on one face, in place.

    Args:
        image: (H, W, 3) uint8 RGB, writable.
        face: its landmarks in px; they may leave the image.
        style: what to paint.
        covered: look for what is in front of the face; it is not painted.
    """
    import torch

    from tryon.cosmetics.canvas import canvas_of
    from tryon.cosmetics.painter import StyleBatch, paint
    from tryon.cosmetics.pigment import to_linear, to_srgb
    from tryon.cosmetics.skin import skin_likelihood
    from tryon.cosmetics.substrate import estimate_substrate

    canvas = canvas_of(face, *image.shape[:2])
    if canvas is None:
        return
    here = image[canvas.box]
    with torch.no_grad():
        bare = torch.from_numpy(here.astype(np.float32) / 255).permute(2, 0, 1)[None]
        skin = skin_likelihood(bare, canvas.fields) * canvas.visible
        free = _face_share(image, face, canvas.fields.uv) if covered else torch.ones(())
        skin = skin * free
        substrate = estimate_substrate(skin, canvas.fields, to_linear(bare))
        layer = paint(substrate, StyleBatch([style]), canvas.fields)
        worn = (255 * to_srgb(layer(substrate.linear))).round().to(torch.uint8)
        painted = ((layer.gain != 1) | (layer.offset != 0)).any(1)[0].numpy()
    here[painted] = worn[0].permute(1, 2, 0).numpy()[painted]


def _face_share(image: UInt8, face: Face, uv: Tensor) -> Tensor:
    """(1, 1, h, w) share of each pixel that is the face and nothing in front of it.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: its landmarks in px.
        uv: (1, 2, h, w) place of each pixel in the atlas, -1..1.
    """
    import torch
    from torch.nn import functional as F

    texture = unwrap_face(image, face)
    share = uncovered(texture).visibility / np.maximum(texture.visibility, 1e-6)
    share[texture.visibility <= 0] = 1  # turned away, or beyond the picture: not for this to say
    drawn = torch.from_numpy(share)[None, None]
    return F.grid_sample(drawn, uv.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def look_of_style(style: MakeupStyle, name: str = "look") -> Look:
    """A style as a look: painted in the atlas on the free portrait that ships with the package.

    Args:
        style: what to wear.
        name: of the look, for people.
    """
    from importlib.resources import files

    import torch

    from tryon.cosmetics.brushes import brush_fields
    from tryon.cosmetics.painter import StyleBatch, paint
    from tryon.cosmetics.pigment import to_linear, to_srgb
    from tryon.cosmetics.skin import skin_likelihood
    from tryon.cosmetics.substrate import estimate_substrate

    bare = decode_look((files("tryon.look") / "assets" / "bare.look").read_bytes(), "bare.look")
    with torch.no_grad():
        texture = torch.from_numpy(bare.texture.colour).permute(2, 0, 1)[None]
        fields = brush_fields(bare.size)
        substrate = estimate_substrate(skin_likelihood(texture, fields), fields, to_linear(texture))
        layer = paint(substrate, StyleBatch([style]))
        worn = (255 * to_srgb(layer(substrate.linear))).round().to(torch.uint8)
    colour = np.ascontiguousarray(worn[0].permute(1, 2, 0).numpy())
    printable = "".join(c if c.isprintable() else "_" for c in name)[:MAX_NAME]
    return replace(bare, colour=colour, name=printable, provenance="product")
