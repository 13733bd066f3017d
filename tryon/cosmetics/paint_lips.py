"""Lipstick, lip liner and gloss."""

from __future__ import annotations

import torch

from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields, smoothstep
from tryon.cosmetics.coat import lay
from tryon.cosmetics.pigment import Coats, hiding
from tryon.cosmetics.substrate import Substrate

OVERLINE = 0.17  # cm at most


def lips(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Pigment inside the contour, a liner along it, and the shine of the finish."""
    cover, color = b("lips", "opacity"), b("lips", "color")
    beyond = OVERLINE * b("lips", "overline")
    edge = f.lip_edge + beyond
    soft = 0.6 * f.pitch
    drawn = smoothstep(edge, -soft, soft) * f.paintable
    inside = f.lips * smoothstep(edge, -soft, soft + 1e-3)
    area = torch.where(beyond > 0, drawn, torch.where(beyond < 0, inside, f.lips)) * s.skin
    # In cm from the contour: the upper and the lower lip fade alike.
    blur = smoothstep(edge, -0.02, 0.02 + 0.55 * b("lips", "blur"))
    area = area * torch.where(b("lips", "blur") > 0, blur, 1.0) * (cover > 0)
    second = b.colour("lips", "second", color)
    fade = smoothstep(f.lip_depth, 0.02, 0.72)
    ombre = b("lips", "ombre")
    plain = torch.tensor([w == "none" for w in b.words("lips", "second")], device=cover.device)
    # Along the contour the skin beside it would pass for a highlight of the lips.
    within = smoothstep(f.lip_edge, 0.04, 0.20)
    # The second colour lies below and shows where the first one fades.
    under = area * (~plain[:, None, None, None]) * (ombre > 0)
    coats = lay(coats, s, b, f, "lips", under, second, 0.85 * cover, within)
    coats = lay(coats, s, b, f, "lips", area * (1 - ombre * (1 - fade)), color, cover, within)
    rim = smoothstep(edge, -0.02, 0.02) * (1 - smoothstep(edge, 0.05, 0.20))
    pencil = b.colour("lips", "liner_color", color * 0.42)
    coats = coats.coat(rim * area, pencil, hiding(0.9 * b("lips", "liner")), 0.8)
    gloss = b.finish("lips", "gloss") * area * within
    if not b.has("lips", "gloss"):
        return coats
    # Light on the roll of each lip, where the surface faces the lamp and the picture agrees.
    roll = torch.exp(-(((f.lip_depth - 0.52) / 0.17) ** 2))
    roll = roll * torch.exp(-((f.position[:, :1] / 1.15) ** 2))
    lit = (s.relief() - 0.82).clamp(0, 0.6)
    return coats.shine(gloss * roll * (0.05 + 0.45 * lit))
