"""Which texels of the atlas, and which pixels of a frame, each figure is measured on.

It draws constants and asks no picture what is where.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.curves import catmull_rom
from tryon.face.regions import region_masks
from tryon.face.unwrap import mesh_points
from tryon.types import Face, Float32

Mask = NDArray[np.bool_]
CORE = 3  # texels of a 256 atlas
WORN = 0.25  # share of a region's texels that a style must change for the region to count
LID = 0.35  # of the way from the lash line to the brow: the lid, below its crease


@dataclass(frozen=True, slots=True, eq=False)
class AtlasMasks:
    """(A, A) bool, constants of the atlas."""

    face: Mask  # where makeup may lie
    skin: Mask  # forehead, jaw, chin and nose, where no colour product goes
    lips: Mask
    lids: Mask  # both upper lids, lash line to crease


@cache
def atlas_masks(size: int = 256) -> AtlasMasks:
    """Draw (once) the masks at `size` texels a side."""
    from tryon.cosmetics.brushes import brush_fields

    masks, fields = region_masks(size), brush_fields(size)
    face = masks.paintable > 0.5

    def of(name: str) -> Mask:
        return np.asarray((masks.of(name) > 0.5) & face)

    lid, above, along = (getattr(fields, name)[0, 0].numpy() for name in ("lid", "above", "along"))
    lids = (lid < LID) & (above > 0.5) & (along > 0) & (along < 1) & face
    return AtlasMasks(face, of("skin") | of("nose"), of("lips"), lids)


def seen(mask: Mask, *visibilities: Float32) -> Mask:
    """The texels of a mask that are visible in every one of some textures."""
    for visibility in visibilities:
        mask = mask & (visibility > 0.5)
    return mask


def core(mask: Mask, rim: int = CORE) -> Mask:
    """A mask without its outer `rim` texels, where a landmark's error brings in what lies beside.

    Two photos of one face are a texel or two apart; a mean over the whole lips would call that a
    difference of colour.
    """
    import cv2

    kernel = np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel, borderValue=0) > 0)


def mesh_pixels(shape: tuple[int, ...], face: Face) -> Mask:
    """(H, W) bool: pixels that the mesh of a face covers; makeup may lie nowhere else."""
    from tryon.kernels import cpu

    table = atlas()
    texels = cpu.rasterise(mesh_points(face), table.triangles, table.uv, (0, 0), shape[:2])
    return np.asarray((texels >= 0).all(-1))


def eye_pixels(shape: tuple[int, ...], face: Face, inset: float = 2.0) -> Mask:
    """(H, W) bool: pixels inside the eye openings, more than `inset` px from their edge.

    Within one and a half the edge is antialiased, and neither eye nor lid.
    """
    import cv2

    opening = np.zeros(shape[:2], np.uint8)
    for contour in lm.EYE_OPENINGS:
        curve = catmull_rom(face.landmarks[list(contour), :2], 6, closed=True)
        # Coordinates are continuous and have 4 binary places here; a pixel's centre is at + 0.5.
        points = np.round((curve - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(opening, [points], 1, shift=4)
    distance = cv2.distanceTransform(opening, cv2.DIST_L2, 5)
    return np.asarray(distance > inset)


def worn_there(mask: Mask, changed: Mask) -> bool:
    """Whether a style puts something on a region."""
    return bool(mask.any()) and float(changed[mask].mean()) >= WORN
