"""Brushes: where each cosmetic goes, as functions of the canonical position of a texel in cm.

The canonical face is mirror symmetric, so every brush is worked out on one half and holds for
both. Constant fields are built once for each resolution and device.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.curves import catmull_rom, distance_to_polyline
from tryon.face.mesh import face_mesh
from tryon.face.regions import region_masks


def smoothstep(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True, slots=True, eq=False)
class BrushFields:
    """Constant maps, each (1, 1, A, A) float32 unless said; distances in cm."""

    size: int
    position: Tensor  # (1, 3, A, A) canonical position, x folded to >= 0
    inside: Tensor  # 1 on the face
    paintable: Tensor  # rim x (1 - exclusion)
    face: Tensor  # skin products: paintable without lips and brows
    lips: Tensor
    lip_depth: Tensor  # 0 at the outer contour .. 1 at the inner one
    brows: Tensor
    lash: Tensor  # distance to the upper lash line
    lower_lash: Tensor
    lid: Tensor  # 0 at the upper lash line .. 1 at the brow's lower edge
    above: Tensor  # 1 above the eye, soft
    below_brow: Tensor  # 1 below the brow's lower edge, soft
    along: Tensor  # 0 inner corner .. 1 outer corner, may leave the range
    across: Tensor  # cm above the axis through the corners
    eye_width: float
    cheekbone: Tensor  # distances to contour and highlight lines
    hollow: Tensor
    jaw: Tensor
    nose_side: Tensor
    bridge: Tensor
    cupid: Tensor
    nose_tip: Tensor
    sparkle: Tensor  # 0..1, anchored in the atlas


@cache
def brush_fields(size: int, device: str = "cpu") -> BrushFields:
    """Build (once) the fields of an atlas of `size` texels a side."""
    vertices = face_mesh().vertices
    masks = region_masks(size)
    position = atlas(size).position.copy()
    position[..., 0] = np.abs(position[..., 0])
    eye = lm.EYE_L

    def line(indices: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return catmull_rom(vertices[list(indices)], 4)

    def tensor(field: object) -> Tensor:
        return torch.as_tensor(np.asarray(field, np.float32), device=device)[None, None]

    def to(indices: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return distance_to_polyline(position, line(indices))

    inner, outer = vertices[eye.inner, :2], vertices[eye.outer, :2]
    eye_width = float(np.linalg.norm(outer - inner))
    axis = (outer - inner) / eye_width
    normal = np.array([-axis[1], axis[0]])
    normal = normal if normal[1] > 0 else -normal
    from_inner = position[..., :2] - inner
    along, across = from_inner @ axis / eye_width, from_inner @ normal
    upper = line(eye.upper)[:, :2] - inner
    order = np.argsort(upper @ axis)
    lash_height = np.interp(along * eye_width, (upper @ axis)[order], (upper @ normal)[order])
    edge = line(eye.brow_lower)[:, :2] - inner
    order_b = np.argsort(edge @ axis)
    brow_height = np.interp(along * eye_width, (edge @ axis)[order_b], (edge @ normal)[order_b])
    lash, brow = to(eye.upper), to(eye.brow_lower)
    outer_lip, inner_lip = to((*lm.LIPS_OUTER[5:11],)), to((*lm.LIPS_INNER[5:11],))
    lower_outer = to((*lm.LIPS_OUTER[10:16],))
    lower_inner = to((*lm.LIPS_INNER[10:16],))
    outer_lip, inner_lip = np.minimum(outer_lip, lower_outer), np.minimum(inner_lip, lower_inner)
    rng = np.random.default_rng(7)  # a constant of the atlas: sparkle must not swim
    sparkle = rng.random((size, size)).astype(np.float32) ** 6
    lips, brows = masks.of("lips") * (1 - masks.exclusion), masks.of("brows")
    return BrushFields(
        size=size,
        position=torch.as_tensor(position, device=device).permute(2, 0, 1)[None].float(),
        inside=tensor(atlas(size).inside),
        paintable=tensor(masks.paintable),
        face=tensor(masks.paintable * (1 - masks.of("lips")) * (1 - 0.85 * brows)),
        lips=tensor(lips),
        lip_depth=tensor(outer_lip / (outer_lip + inner_lip + 1e-3)),
        brows=tensor(brows),
        lash=tensor(lash),
        lower_lash=tensor(to(eye.lower)),
        lid=tensor(lash / (lash + brow + 1e-3)),
        above=tensor(np.clip((across - lash_height) / 0.12 + 0.5, 0, 1)),
        below_brow=tensor(np.clip((brow_height - across) / 0.3 + 0.5, 0, 1)),
        along=tensor(along),
        across=tensor(across),
        eye_width=eye_width,
        cheekbone=tensor(to((346, 345, 356))),
        hollow=tensor(to((454, 447, 352, 411))),
        jaw=tensor(to((361, 397, 365, 379, 378))),
        nose_side=tensor(to((351, 419, 248, 281))),
        bridge=tensor(to((168, 6, 197, 195, 5))),
        cupid=tensor(to((0, 267))),
        nose_tip=tensor(to((4, 5, 275))),
        sparkle=tensor(sparkle),
    )


def spot(
    fields: BrushFields, centre: Tensor, axis: Tensor, length: Tensor, width: Tensor
) -> Tensor:
    """Elongated Gaussian spot on the face.

    Args:
        fields: brush fields.
        centre: (B, 3) canonical cm, x >= 0.
        axis: (3,) unit direction of the long side.
        length: (B, 1, 1, 1) cm along the axis.
        width: (B, 1, 1, 1) cm across it.

    Returns:
        (B, 1, A, A) in 0..1.
    """
    offset = fields.position - centre[:, :, None, None]
    along = (offset * axis[None, :, None, None]).sum(1, keepdim=True)
    across2 = (offset**2).sum(1, keepdim=True) - along**2
    return torch.exp(-((along / length) ** 2) - across2 / width**2) * fields.inside


def winged_line(fields: BrushFields, thickness: Tensor, wing: Tensor, softness: Tensor) -> Tensor:
    """Eyeliner: a band above the lashes that widens outwards, and a wing past the outer corner.

    Args:
        fields: brush fields.
        thickness: (B, 1, 1, 1) cm at the outer corner.
        wing: (B, 1, 1, 1) length of the wing in eye widths.
        softness: (B, 1, 1, 1) cm of blur.

    Returns:
        (B, 1, A, A) in 0..1.
    """
    along, across = fields.along, fields.across
    local = thickness * (0.25 + 0.75 * along.clamp(0, 1))
    within = smoothstep(along, -0.02, 0.06) * (1 - smoothstep(along, 1.0, 1.04))
    band = (1 - smoothstep(fields.lash, local, local + softness)) * within
    band = band * smoothstep(fields.above, 0.15, 0.6)
    # The wing is a tapering segment that leaves the outer corner at about 31 degrees.
    x, y = (along - 1) * fields.eye_width, across
    ux, uy = 0.853, 0.522
    reach = wing * fields.eye_width
    t = (x * ux + y * uy) / reach.clamp_min(1e-3)
    off = (y * ux - x * uy).abs()
    half = 0.55 * thickness * (1 - t).clamp(0, 1)
    tail = (1 - smoothstep(off, half, half + softness)) * smoothstep(t, -0.12, 0.0)
    tail = tail * (1 - smoothstep(t, 0.85, 1.0)) * (wing > 0.02)
    return torch.maximum(band, tail)


def free_shapes(fields: BrushFields, noise: Tensor, coverage: Tensor, sharpness: Tensor) -> Tensor:
    """Threshold smooth noise into painted shapes.

    Args:
        fields: brush fields.
        noise: (B, 1, N, N) standard normal; small N gives large shapes.
        coverage: (B, 1, 1, 1) share of the face, 0..1.
        sharpness: (B, 1, 1, 1), 0 washes .. 1 hard edges.

    Returns:
        (B, 1, A, A) in 0..1.
    """
    smooth = torch.nn.functional.interpolate(
        noise, size=(fields.size, fields.size), mode="bicubic", align_corners=True
    )
    level = torch.special.ndtri(1 - coverage.clamp(0.02, 0.98)) * smooth.std((2, 3), keepdim=True)
    return torch.sigmoid((smooth - level) * (3 + 40 * sharpness**2)) * fields.inside
