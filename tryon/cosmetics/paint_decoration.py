"""Freckles, painted shapes and stickers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics import strokes
from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields
from tryon.cosmetics.coat import lay
from tryon.cosmetics.pigment import Coats, hiding
from tryon.cosmetics.substrate import Substrate
from tryon.face.mesh import face_mesh

MAX_FRECKLES, MAX_DECALS = 200, 12
# Vertices of the left half between which freckles lie, and around which stickers are put.
FRECKLED = ((280, 6), (346, 195), (425, 4), (280, 425), (4, 5), (347, 197))
PLACES: dict[str, tuple[int, ...]] = {
    "under_eyes": (448, 449, 450, 451, 348, 347, 346),
    "temples": (446, 342, 353, 383, 372, 264),
    "cheeks": (280, 425, 266, 330, 346, 352),
    "forehead": (151, 337, 299, 333, 9, 336),
    "nose": (4, 5, 195, 275, 440, 197),
    "everywhere": (280, 425, 266, 151, 337, 299, 448, 450, 446, 352, 411, 199, 4),
}


def freckles(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Small spots with edges and strengths of their own."""
    maps = [
        _freckle_map(f, numbers, float(style.freckles.count), float(style.freckles.spread),
                     0.035 + 0.06 * float(style.freckles.size))
        if style.freckles.opacity > 0 else torch.zeros_like(f.inside)
        for style, numbers in zip(b.styles, b.numbers("freckles", (8, MAX_FRECKLES)), strict=True)
    ]  # fmt: skip
    alpha = torch.cat(maps) * f.face * s.skin
    darker = torch.tensor([0.55, 0.38, 0.28], device=s.tone.device)[None, :, None, None]
    shade = torch.minimum(b("freckles", "color"), s.tone * darker)
    return coats.coat(alpha, shade, hiding(0.92 * b("freckles", "opacity")), 1.0)


def _freckle_map(f: BrushFields, u: Tensor, count: float, spread: float, radius: float) -> Tensor:
    """(1, 1, H, W); numbers u (8, MAX_FRECKLES) decide where, how large and how strong."""
    v = torch.tensor(face_mesh().vertices, device=u.device)
    n = 12 + round((MAX_FRECKLES - 12) * count)
    line = torch.tensor(FRECKLED, device=u.device)[(u[0, :n] * len(FRECKLED)).long()]
    t = (0.5 + 0.5 * (u[1, :n] + u[2, :n] - 1))[:, None]
    scatter = (u[3:6, :n].T - 0.5) * (0.8 + 2.2 * spread)
    centre = v[line[:, 0]] * (1 - t) + v[line[:, 1]] * t + scatter
    centre[:, 0] *= torch.where(u[6, :n] < 0.5, -1.0, 1.0)
    _, distance, index = strokes.nearest_dot(f, centre)
    size = (radius * (0.4 + 1.2 * u[7, :n] ** 2)).clamp_min(0.45 * f.pitch)
    strength = 0.35 + 0.65 * u[5, :n]
    return torch.exp(-((distance / size[index]) ** 2)) * strength[index]


def free_paint(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Two colours in shapes grown from noise."""
    noise = []
    for style in b.styles:
        generator = torch.Generator().manual_seed(int(style.paint.seed * 2**31))
        cells = 4 + round(10 * (1 - style.paint.scale))
        field = torch.randn(2, 1, cells, cells, generator=generator)
        mirrored = 0.5 * (field + field.flip(-1)) * 2**0.5
        field = torch.where(torch.tensor(style.paint.symmetric > 0.5), mirrored, field)
        noise.append(F.interpolate(field, size=(16, 16), mode="bicubic"))
    stacked = torch.stack(noise, 1).to(s.linear.device)  # (2, S, 1, 16, 16)
    sharp, cover = b("paint", "sharpness"), b("paint", "coverage")
    for index, color in enumerate((b("paint", "color"), b("paint", "second"))):
        alpha = strokes.free_shapes(f, stacked[index], cover * (1.0, 0.5)[index], sharp)
        alpha = alpha * f.paintable * s.skin
        coats = lay(coats, s, b, f, "paint", alpha, color, 0.97 * b("paint", "opacity"))
    return coats


def decals(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Stickers: opaque, with a thin shadow; gems have facets that shine."""
    covers, facets = [], []
    for style, u in zip(b.styles, b.numbers("decals", (5, MAX_DECALS)), strict=True):
        cover, facet = torch.zeros_like(f.inside), torch.zeros_like(f.inside)
        d = style.decals
        if d.opacity > 0:
            cover, facet = _stickers(f, u, d.kind, d.place, d.count, d.size, d.symmetric > 0.5)
        covers.append(cover)
        facets.append(facet)
    alpha = torch.cat(covers) * f.paintable * s.skin
    opacity = b("decals", "opacity")
    coats = lay(coats, s, b, f, "decals", alpha, b("decals", "color"), opacity)
    light = torch.cat(facets) * alpha * opacity
    return coats.shine(light * (0.35 + b("decals", "color")))


def _stickers(
    f: BrushFields, u: Tensor, kind: str, place: str, count: float, size: float, symmetric: bool
) -> tuple[Tensor, Tensor]:
    """Cover and light of one style's stickers, each (1, 1, H, W)."""
    vertices = torch.tensor(face_mesh().vertices, device=u.device)
    around = list(PLACES[place])
    n = 1 + round((MAX_DECALS - 1) * count)
    # The first stickers take the named places in turn, in an order that belongs to the seed.
    order = torch.argsort(u[0, : len(around)])
    pick = order[torch.arange(n, device=u.device) % len(order)]
    anchor = vertices[torch.tensor(around, device=u.device)[pick]]
    jitter = (u[1:4, :n].T - 0.5) * torch.where(
        torch.arange(n, device=u.device)[:, None] < len(around), 0.3, 1.4
    )
    centre = anchor + jitter
    mirror = centre * torch.tensor([-1.0, 1.0, 1.0], device=u.device)
    centres = torch.cat([centre, mirror]) if symmetric else centre
    radius = (0.07 + 0.22 * size) * (0.7 + 0.6 * u[4, :n])
    radius = torch.cat([radius, radius]) if symmetric else radius
    offset, distance, index = strokes.nearest_dot(f, centres)
    r = radius[index][None, None].clamp_min(0.6 * f.pitch)
    cover = strokes.sticker(kind, offset, distance, r, max(f.pitch, 0.012))
    if kind != "gems":
        return cover, torch.zeros_like(cover)
    angle = torch.atan2(offset[:, 1:2], offset[:, :1])
    facet = (0.5 + 0.5 * torch.cos(6 * angle + 8 * distance / r)) ** 3
    spark = torch.exp(-(((offset[:, :1] + 0.3 * r) ** 2 + (offset[:, 1:2] - 0.35 * r) ** 2)
                        / (0.25 * r) ** 2))  # fmt: skip
    return cover, 0.25 * facet + 1.1 * spark
