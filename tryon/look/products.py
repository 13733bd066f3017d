"""Style -> painted photo: the cosmetics painter on a face in a picture, at its full resolution.

Looks that we may publish are made this way, from a `MakeupStyle` and a portrait that is free.
"""

from __future__ import annotations

import numpy as np

from tryon.cosmetics.style import MakeupStyle
from tryon.errors import ReferencePhotoError
from tryon.face.atlas import DEFAULT_SIZE
from tryon.face.parse_fast import FastParser
from tryon.face.unwrap import unwrap_face
from tryon.layer.composite import composite_layer
from tryon.layer.gate import gate_layer
from tryon.look.look import FULL
from tryon.types import Face, Float32, MakeupLayer, UInt8


def paint_photo(image: UInt8, style: MakeupStyle) -> UInt8:
    """Paint a style on every face of a photo.

    Args:
        image: (H, W, 3) uint8 RGB.
        style: what to paint.

    Returns:
        A new picture; pixels outside the faces keep their bytes.

    Raises:
        ReferencePhotoError: no face found.
    """
    parser = FastParser()
    try:
        faces = parser.detect(image)
    finally:
        parser.close()
    if not faces:
        raise ReferencePhotoError("no face found to paint on; use a sharp photo of a face")
    out = image.copy()
    for face in faces:
        layer, visibility = paint_face(image, face, style)
        composite_layer(out, face, gate_layer(layer, visibility, FULL, 1.0))
    return out


def paint_face(image: UInt8, face: Face, style: MakeupStyle) -> tuple[MakeupLayer, Float32]:
    """The layer that puts a style on one face, and the visibility of its texels."""
    import torch

    from tryon.cosmetics.brushes import brush_fields
    from tryon.cosmetics.painter import StyleBatch, paint
    from tryon.cosmetics.substrate import estimate_substrate, skin_likelihood

    texture = unwrap_face(image, face, DEFAULT_SIZE)
    fields = brush_fields(DEFAULT_SIZE)
    with torch.no_grad():
        bare = torch.from_numpy(texture.colour).permute(2, 0, 1)[None]
        substrate = estimate_substrate(bare, skin_likelihood(bare, fields), fields)
        affine = paint(substrate, StyleBatch([style])).packed()[0].permute(1, 2, 0)
    return MakeupLayer(np.ascontiguousarray(affine.numpy(), np.float32)), texture.visibility
