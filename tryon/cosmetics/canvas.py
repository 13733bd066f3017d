"""The brush fields on the pixels of a photograph, so that it is painted at its own resolution.

The smooth fields are sampled from a fine atlas where each pixel sees the face; distances survive
that, so lines stay crisp at any size. Lip and eye contours are drawn on the pixels themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import FLAKES, BrushFields, brush_fields, flakes
from tryon.face import landmarks as lm
from tryon.face.atlas import atlas, vertex_visibility
from tryon.face.curves import catmull_rom
from tryon.face.regions import region_masks
from tryon.face.unwrap import mesh_points
from tryon.types import Face, Float32

FINE = 512  # texels a side of the atlas that is sampled
FACE_WIDTH = 14.5  # cm across the landmarks of the canonical face


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The part of a photograph that a face covers."""

    box: tuple[slice, slice]  # rows and columns of the photograph
    fields: BrushFields  # on the pixels of the box
    visible: Tensor  # (1, 1, h, w) how well the camera sees the surface, 0..1


def canvas_of(face: Face, height: int, width: int) -> Canvas | None:
    """The canvas of a face in a photograph of this size; None where nothing of it is inside."""
    from tryon.kernels import cpu

    points = mesh_points(face)
    if not np.isfinite(points).all():
        return None
    x0, y0 = np.clip(np.floor(points[:, :2].min(0)), 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(points[:, :2].max(0)), 0, (width, height)).astype(int)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    origin, shape = (int(x0), int(y0)), (int(y1 - y0), int(x1 - x0))
    table = atlas(FINE)
    texels = cpu.rasterise(points, table.triangles, table.uv, origin, shape)

    def coverage(contour: tuple[int, ...]) -> Tensor:
        curve = catmull_rom(face.landmarks[list(contour), :2], 6, closed=True)
        drawn: Float32 = cpu.polygon_coverage(curve, origin, shape)
        return torch.from_numpy(drawn)[None, None]

    on_face = torch.from_numpy((texels >= 0).all(-1)).float()[None, None]
    where = torch.from_numpy(texels)[None] * (2 / FINE) - 1
    mouth = coverage(lm.LIPS_INNER)
    eyes = torch.maximum(*(coverage(eye.opening) for eye in lm.EYES))
    sampled = _sample(where, face.width)
    seen = _at(where, table.interpolate(vertex_visibility(points)[:, None]))
    rim = _at(where, region_masks(FINE).rim[..., None]) * on_face
    # Nostrils are soft and come from the atlas; eyes and mouth have edges of their own here.
    near_nose = (sampled.nose_tip < 2.4) & (sampled.lash > 1.0) & (sampled.lip_edge < -0.05)
    rim = torch.where(near_nose, torch.minimum(sampled.paintable, rim), rim)
    paintable = rim * (1 - torch.maximum(mouth, eyes))
    lips = coverage(lm.LIPS_OUTER) * (1 - mouth) * on_face
    drawn = replace(
        sampled,
        inside=on_face,
        paintable=paintable,
        lips=lips,
        face=paintable * (1 - lips) * (1 - 0.85 * sampled.brows),
        brows=sampled.brows * on_face,
        sclera=sampled.sclera * eyes * on_face,
    )
    box = (slice(origin[1], origin[1] + shape[0]), slice(origin[0], origin[0] + shape[1]))
    return Canvas(box, drawn, seen * on_face)


def _at(where: Tensor, field: Float32) -> Tensor:
    """Sample an (A, A, C) field at (1, h, w, 2) places, -1..1; (1, C, h, w)."""
    maps = torch.from_numpy(np.ascontiguousarray(field)).permute(2, 0, 1)[None]
    return F.grid_sample(maps, where, padding_mode="border", align_corners=False)


def _sample(where: Tensor, face_width: float) -> BrushFields:
    """The brush fields at (1, h, w, 2) places of the atlas."""
    source = brush_fields(FINE)
    maps = {f.name: getattr(source, f.name) for f in fields(source)}
    names = [n for n, v in maps.items() if isinstance(v, Tensor)]
    joined = torch.cat([maps[name] for name in names], 1)
    found = F.grid_sample(joined, where, padding_mode="border", align_corners=False)
    counts = [maps[name].shape[1] for name in names]
    values: dict[str, Any] = dict(zip(names, torch.split(found, counts, 1), strict=True))
    # Flakes finer than a pixel are averaged, or they would twinkle as the face moves.
    level = int(min(max(2 ** np.ceil(np.log2(max(face_width, 1.0))), 128), FLAKES))
    values["sparkle"] = F.grid_sample(flakes(level), where, align_corners=False)
    values["uv"] = where.permute(0, 3, 1, 2)
    values["side"] = torch.where(values["side"] < 0, -1.0, 1.0)
    return replace(
        source, size=max(16, round(face_width / 1.2)), pitch=FACE_WIDTH / face_width, **values
    )
