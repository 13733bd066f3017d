"""Brushes: where each cosmetic goes, as constant fields over the canonical face, distances in cm.

The canonical face is mirror symmetric, so every field is worked out on one half and holds for both.
Built once for each atlas; a photograph samples them where its pixels see the face.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.curves import catmull_rom, distance_to_polyline
from tryon.face.mesh import face_mesh
from tryon.face.regions import region_masks

Box = tuple[slice, slice]
Floats = NDArray[np.float32]
FLAKES = 1024  # texels a side of the map of glitter flakes, from which coarser ones are averaged
LIGHT = (0.0, 0.34, 0.94)  # direction of the usual light: in front, a little above


@dataclass(frozen=True, slots=True, eq=False)
class BrushFields:
    """Constant maps over a raster, each (1, 1, H, W) float32 unless said; distances in cm."""

    size: int  # texels a side of the atlas that is as fine as this raster
    pitch: float  # cm between neighbouring samples
    position: Tensor  # (1, 3, H, W) canonical position, x folded to >= 0
    side: Tensor  # -1 on the wearer's right half, 1 on the left
    uv: Tensor  # (1, 2, H, W) place in the atlas, -1..1
    inside: Tensor  # 1 on the face
    paintable: Tensor  # rim x (1 - exclusion)
    face: Tensor  # skin products: paintable without lips and brows
    lips: Tensor
    lip_edge: Tensor  # signed distance to the outer contour, > 0 inside
    lip_depth: Tensor  # 0 at the outer contour .. 1 at the inner one
    brows: Tensor
    brow_edge: Tensor  # signed distance to the contour of the brow, > 0 inside
    brow_along: Tensor  # 0 at the inner end .. 1 at the tail
    lash: Tensor  # distance to the upper lash line
    lower_lash: Tensor
    lid: Tensor  # 0 at the upper lash line .. 1 at the brow's lower edge
    above: Tensor  # 1 above the eye, soft
    below_brow: Tensor  # 1 below the brow's lower edge, soft
    along: Tensor  # 0 inner corner .. 1 outer corner, may leave the range
    across: Tensor  # cm above the axis through the corners
    eye_width: float
    sclera: Tensor  # 1 well inside the eye opening
    cheekbone: Tensor  # distances to contour and highlight lines
    hollow: Tensor
    jaw: Tensor
    hairline: Tensor
    nose_side: Tensor
    bridge: Tensor
    cupid: Tensor
    nose_tip: Tensor
    lobe: Tensor  # cosine between the surface and the usual light
    sparkle: Tensor  # 0..1, anchored in the atlas

    def crop(self, box: Box) -> BrushFields:
        """The fields in a box: views, not copies."""
        names = [item.name for item in fields(self)]
        values = {name: getattr(self, name) for name in names}
        cut: dict[str, Any] = {
            n: v[(..., *box)] for n, v in values.items() if isinstance(v, Tensor)
        }
        return replace(self, **cut)


def smoothstep(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def box_of(mask: Tensor) -> Box | None:
    """The rows and columns that hold anything of a (..., H, W) mask; None if nothing does."""
    flat = mask.reshape(-1, *mask.shape[-2:]).any(0)
    rows, columns = flat.any(1).nonzero(), flat.any(0).nonzero()
    if not len(rows):
        return None
    return (
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )


def zones(f: BrushFields) -> dict[str, Box | None]:
    """Where the products of each part of the face can lie; the rest of a raster needs no work."""
    eyes = (f.along > -0.25) & (f.along < 1.8) & (f.paintable > 0)
    eyes &= ((f.lid < 0.999) & (f.lash < 3.0) & (f.below_brow > 0)) | (f.lower_lash < 0.9)
    height = f.position[:, 1:2]
    return {
        "face": box_of(f.paintable > 0),
        "eyes": box_of(eyes),
        "brows": box_of((f.brow_edge > -0.5) & (f.inside > 0)),
        "cheeks": box_of((f.face > 0) & (height < 3.6) & (height > -4.5)),
        "lips": box_of((f.lip_edge > -0.5) & (f.inside > 0) & (height < 0)),
    }


@cache
def atlas_zones(size: int) -> dict[str, Box | None]:
    """The zones of an atlas, looked up once."""
    return zones(brush_fields(size))


@cache
def brush_fields(size: int, device: str = "cpu") -> BrushFields:
    """Build (once) the fields of an atlas of `size` texels a side."""
    if device != "cpu":
        plain = brush_fields(size)
        maps = {f.name: getattr(plain, f.name) for f in fields(plain)}
        moved: dict[str, Any] = {n: v.to(device) for n, v in maps.items() if isinstance(v, Tensor)}
        return replace(plain, **moved)
    table, masks = atlas(size), region_masks(size)
    signed = table.position
    position = np.concatenate([np.abs(signed[..., :1]), signed[..., 1:]], -1)
    lines = _Lines(position)
    lips, brows = masks.of("lips") * (1 - masks.exclusion), masks.of("brows")
    drawn: dict[str, Any] = {
        "side": np.where(signed[..., 0] < 0, -1.0, 1.0),
        "inside": table.inside,
        "paintable": masks.paintable,
        "face": masks.paintable * (1 - masks.of("lips")) * (1 - 0.85 * brows),
        "lips": lips,
        "brows": brows,
        **_eye(lines),
        **_mouth(lines, masks.of("lips")),
        **_brow(lines),
        "cheekbone": lines.to((346, 345, 356)),
        "hollow": lines.to((454, 447, 352, 411)),
        "jaw": lines.to((361, 397, 365, 379, 378)),
        "hairline": lines.to((10, 338, 297, 332, 284, 251)),
        "nose_side": lines.to((351, 419, 248, 281)),
        "bridge": lines.to((168, 6, 197, 195, 5)),
        "cupid": lines.to((0, 267)),
        "nose_tip": lines.to((4, 5, 275)),
        "lobe": table.interpolate(_vertex_light())[..., 0],
        "sparkle": flakes(size)[0, 0],
    }
    opening = np.maximum(drawn.pop("opening"), 0)
    centres = (np.arange(size) + 0.5) * 2 / size - 1
    u, v = np.meshgrid(centres, centres)
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(value, np.float32))[None, None]
        for name, value in drawn.items()
    }
    area = 2 * np.abs(signed[..., 0]).max() / size  # the eyes are drawn about twice as fine
    return BrushFields(
        size=size,
        pitch=float(0.55 * area),
        position=torch.from_numpy(position.astype(np.float32)).permute(2, 0, 1)[None].contiguous(),
        uv=torch.from_numpy(np.stack([u, v]).astype(np.float32))[None],
        eye_width=lines.eye_width,
        sclera=torch.from_numpy((opening * table.inside).astype(np.float32))[None, None],
        **tensors,
    )


class _Lines:
    """Distances over a raster of positions, and the axis of the eye."""

    def __init__(self, position: Floats) -> None:
        self.position = position
        self.vertices = face_mesh().vertices
        eye = lm.EYE_L
        inner, outer = self.vertices[eye.inner, :2], self.vertices[eye.outer, :2]
        self.eye_width = float(np.linalg.norm(outer - inner))
        axis = (outer - inner) / self.eye_width
        normal = np.array([-axis[1], axis[0]])
        self.origin, self.axis = inner, axis
        self.normal = normal if normal[1] > 0 else -normal

    def line(self, indices: tuple[int, ...]) -> Floats:
        return catmull_rom(self.vertices[list(indices)], 4)

    def to(self, indices: tuple[int, ...]) -> Floats:
        return distance_to_polyline(self.position, self.line(indices))

    def height_of(self, indices: tuple[int, ...]) -> Any:
        """Height of a line over the axis of the eye, at each position."""
        points = self.line(indices)[:, :2] - self.origin
        order = np.argsort(points @ self.axis)
        x = (self.position[..., :2] - self.origin) @ self.axis
        return np.interp(x, (points @ self.axis)[order], (points @ self.normal)[order])


def _eye(lines: _Lines) -> dict[str, Any]:
    eye, offset = lm.EYE_L, lines.position[..., :2] - lines.origin
    along, across = offset @ lines.axis / lines.eye_width, offset @ lines.normal
    lash, brow, lower = lines.to(eye.upper), lines.to(eye.brow_lower), lines.to(eye.lower)
    upper_height, lower_height = lines.height_of(eye.upper), lines.height_of(eye.lower)
    open_ = (across < upper_height - 0.12) & (across > lower_height + 0.12)
    return {
        "lash": lash,
        "lower_lash": lower,
        "lid": lash / (lash + brow + 1e-3),
        "above": np.clip((across - upper_height) / 0.12 + 0.5, 0, 1),
        "below_brow": np.clip((lines.height_of(eye.brow_lower) - across) / 0.3 + 0.5, 0, 1),
        "along": along,
        "across": across,
        "opening": open_ & (along > 0.12) & (along < 0.9),
    }


def _mouth(lines: _Lines, lips: Floats) -> dict[str, Any]:
    outer, inner = lm.LIPS_OUTER, lm.LIPS_INNER
    to_outer = np.minimum(lines.to(outer[5:11]), lines.to(outer[10:16]))
    to_inner = np.minimum(lines.to(inner[5:11]), lines.to(inner[10:16]))
    return {
        "lip_edge": np.where(lips > 0.5, to_outer, -to_outer),
        "lip_depth": to_outer / (to_outer + to_inner + 1e-3),
    }


def _brow(lines: _Lines) -> dict[str, Any]:
    eye = lm.EYE_L
    top, bottom = lines.height_of(eye.brow_upper), lines.height_of(eye.brow_lower)
    offset = lines.position[..., :2] - lines.origin
    along, across = offset @ lines.axis, offset @ lines.normal
    points = lines.vertices[list(eye.brow_lower + eye.brow_upper), :2] - lines.origin
    low, high = (points @ lines.axis).min(), (points @ lines.axis).max()
    reach = np.minimum(along - low, high - along)
    return {
        "brow_edge": np.minimum(np.minimum(top - across, across - bottom), reach),
        "brow_along": (along - low) / (high - low),
    }


def _vertex_light() -> Floats:
    """(468, 1) cosine between the surface of the mesh and the usual light."""
    mesh = face_mesh()
    a, b, c = (mesh.vertices[mesh.triangles[:, i]] for i in range(3))
    normal = np.zeros_like(mesh.vertices)
    for corner in range(3):
        np.add.at(normal, mesh.triangles[:, corner], np.cross(b - a, c - a))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    if normal[4, 2] < 0:  # the tip of the nose looks to the camera
        normal = -normal
    return np.asarray((normal @ np.array(LIGHT))[:, None], np.float32)


@cache
def flakes(size: int) -> Tensor:
    """(1, 1, size, size) brightness of glitter: a constant of the atlas, so that it never swims."""
    if size >= FLAKES:
        rng = np.random.default_rng(7)
        bright = rng.random((FLAKES, FLAKES)) ** 3 * (rng.random((FLAKES, FLAKES)) < 0.035)
        full = torch.from_numpy(bright.astype(np.float32))[None, None]
        soft = torch.tensor([0.25, 0.5, 0.25])
        full = F.conv2d(full, (soft[:, None] * soft)[None, None], padding=1)
        # Mirrored, so that the field is the same on both halves as every other is.
        return (torch.maximum(full, full.flip(-1)) * 3.2).clamp_max(1)
    return F.interpolate(flakes(FLAKES), (size, size), mode="area")
