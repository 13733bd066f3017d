"""Putting a makeup layer on the frame, at the frame's own resolution and only inside the face.

Pixels that no makeup covers keep their bytes. Eye openings, nostrils and the inner mouth are cut
out along smooth curves through the landmarks; the edges of the lips are as soft as a camera's.
"""

from __future__ import annotations

from math import ceil, isfinite
from typing import Any

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.curves import catmull_rom
from tryon.face.regions import region_masks
from tryon.face.unwrap import mesh_points
from tryon.kernels.sets import CPU, KernelSet
from tryon.types import Face, MakeupLayer

CONTOURS = (lm.LIPS_OUTER, lm.LIPS_INNER, *lm.NOSTRILS, *lm.EYE_OPENINGS)
"""The lips' two edges, then what stays bare."""

SOFT_FROM = (100.0, 300.0)  # px of a face, from which the edges of its lips get soft, and are


def composite_layer(canvas: Any, face: Face, layer: MakeupLayer, kernels: KernelSet = CPU) -> None:
    """Paint a layer on a face, in place.

    Args:
        canvas: of `kernels`.
        face: where; landmarks may leave the canvas.
        layer: gated layer of `kernels`.
        kernels: what paints.
    """
    height, width = canvas.shape[:2]
    points = mesh_points(face)
    (left, top, near), (right, bottom, far) = points.min(0).tolist(), points.max(0).tolist()
    if not isfinite(left + top + near + right + bottom + far):
        return  # nobody knows where this face is
    x0, x1 = int(min(max(left, 0), width)), ceil(min(max(right, 0), width))
    y0, y1 = int(min(max(top, 0), height)), ceil(min(max(bottom, 0), height))
    if x1 <= x0 or y1 <= y0:
        return
    origin, shape = (x0, y0), (y1 - y0, x1 - x0)
    size = len(layer.affine)
    table, sources = atlas(size), region_masks(size).sheet_sources
    lips, *holes = (catmull_rom(points[list(contour), :2], 6, closed=True) for contour in CONTOURS)
    drawn = points, table.triangles, table.uv, origin, shape
    soft = [lip_softness(right - left)] * 2 + [0.0] * (len(CONTOURS) - 2)
    kernels.paint(canvas, *drawn, layer.affine, sources, lips, holes, soft)


def lip_softness(width: float) -> float:
    """How soft the edges of the lips are on a face of so many px, for `reference.paint`.

    A camera blurs every edge a little. One that is as sharp as the pixels differs from itself in
    each frame of a moving face, and flickers. Eye openings stay sharp: nothing reaches the eyeball.
    """
    none, full = SOFT_FROM
    return min(max((width - none) / (full - none), 0.0), 1.0) / 3


def warm_up(size: int) -> None:
    """Load the kernels and draw the constants of an atlas, so that the first frame is not slow."""
    from tryon.kernels import cpu

    cpu.warm_up()
    region_masks(size)
