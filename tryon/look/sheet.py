"""A contact sheet of a look: the atlas, each region with its intensity, and colour swatches."""

from __future__ import annotations

import numpy as np

from tryon.face.regions import region_masks
from tryon.look.look import Look
from tryon.types import REGIONS, Float32, UInt8

GAP, INK, PAPER = 12, (40, 40, 40), (248, 247, 245)


def region_colour(look: Look, region: str) -> Float32:
    """Median sRGB colour (3,) 0..1 of what was seen of a region."""
    masks = region_masks(look.size)
    seen = (masks.of(region) > 0.9) & (masks.exclusion < 0.1) & (look.visibility > 128)
    if not seen.any():
        return np.zeros(3, np.float32)
    return np.asarray(np.median(look.colour[seen], 0) / 255, np.float32)


def contact_sheet(look: Look) -> UInt8:
    """Draw a look.

    Returns:
        (H, W, 3) uint8 RGB: left the atlas, right a tile and a swatch for each region.
    """
    from PIL import Image, ImageDraw

    side, tile = 512, 160
    width = side + 3 * GAP + 3 * (tile + GAP)
    height = side + 2 * GAP + 40
    page = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(page)
    page.paste(Image.fromarray(look.colour).resize((side, side)), (GAP, GAP))
    pen.text((GAP, side + GAP + 8), f"{look.name}   {look.digest[:12]}", INK)
    masks = region_masks(look.size)
    for index, region in enumerate(REGIONS):
        x = side + 3 * GAP + (index % 3) * (tile + GAP)
        y = GAP + (index // 3) * (tile + 76)
        weight = (masks.of(region) * (1 - masks.exclusion))[..., None]
        shown = look.colour * weight + np.array(PAPER) * (1 - weight)
        page.paste(Image.fromarray(shown.astype(np.uint8)).resize((tile, tile)), (x, y))
        colour = tuple(round(255 * float(v)) for v in region_colour(look, region))
        pen.rectangle((x, y + tile + 6, x + 44, y + tile + 30), fill=colour, outline=INK)
        label = f"{region}  {look.intensities[index]:g}"
        pen.text((x + 52, y + tile + 6), label, INK)
        pen.text((x + 52, y + tile + 20), "#" + "".join(f"{c:02x}" for c in colour), INK)
    return np.asarray(page)
