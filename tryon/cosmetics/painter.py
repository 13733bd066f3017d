"""The painter: a batch of bare faces and styles in, exact makeup layers out.

Works with torch on any device, in the atlas or on the pixels of a photograph: whatever raster the
brush fields and the substrate have. Each product is a step; steps on one part of the face work in
its box only.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from tryon.cosmetics import paint_complexion as complexion
from tryon.cosmetics import paint_decoration as decoration
from tryon.cosmetics import paint_eyes as eyes
from tryon.cosmetics import paint_lips as lips
from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields, atlas_zones, brush_fields, zones
from tryon.cosmetics.pigment import Affine, Coats
from tryon.cosmetics.substrate import Substrate

__all__ = ["STEPS", "StyleBatch", "paint"]

Step = Callable[[Coats, Substrate, StyleBatch, BrushFields], Coats]

STEPS: tuple[tuple[str, str, Step], ...] = (
    ("foundation", "face", complexion.foundation),
    ("concealer", "cheeks", complexion.concealer),
    ("contour", "face", complexion.contour),
    ("blush", "cheeks", complexion.blush),
    ("freckles", "cheeks", decoration.freckles),
    ("eyeshadow", "eyes", eyes.eyeshadow),
    ("liner", "eyes", eyes.liner),
    ("lashes", "eyes", eyes.lashes),
    ("brows", "brows", eyes.brows),
    ("highlight", "face", complexion.highlight),
    ("lips", "lips", lips.lips),
    ("paint", "face", decoration.free_paint),
    ("decals", "face", decoration.decals),
)
"""Layer, zone of the face, and the step that paints it, in order."""


def paint(substrate: Substrate, styles: StyleBatch, fields: BrushFields | None = None) -> Affine:
    """Paint styles on bare faces.

    Args:
        substrate: B faces.
        styles: B styles, or one for all.
        fields: brush fields of the substrate's raster; None takes those of the atlas of its size.

    Returns:
        The makeup layer of each face; identity where nothing was painted.
    """
    if fields is None:
        size = substrate.linear.shape[-1]
        fields = brush_fields(size, str(substrate.linear.device))
        places = atlas_zones(size)
    else:
        places = zones(fields)
    bare = substrate.reflectance()
    coats = Coats.bare(bare)
    worn = [step for step in STEPS if styles.used(step[0])]
    for zone, group in groupby(worn, key=lambda step: step[1]):
        box = places[zone]
        if box is None:
            continue
        part, here, there = coats.crop(box), substrate.crop(box), fields.crop(box)
        for _, _, step in group:
            part = step(part, here, styles, there)
        coats = coats.pasted(box, part)
    return coats.affine(bare, substrate.illuminant)
