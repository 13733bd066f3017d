"""Eyeshadow, liner, lashes and brows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tryon.cosmetics import strokes
from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields, smoothstep
from tryon.cosmetics.coat import lay
from tryon.cosmetics.pigment import Coats, hiding
from tryon.cosmetics.substrate import Substrate


class Layout(NamedTuple):
    """How the parts of an eyeshadow lie; all 0..1."""

    crisp: float = 0.0  # sharpness of the upper edge
    fade: float = 0.0  # how much thinner upwards
    halo: float = 0.0  # lid colour only in the middle, the crease colour on both sides
    smoke: float = 0.0  # the outer colour along both lash lines
    reach: float = 0.0  # past the outer corner
    band: float = 0.0  # a drawn line above the crease


LAYOUT: dict[str, Layout] = {
    "wash": Layout(fade=0.25),
    "gradient": Layout(fade=0.85),
    "smoky": Layout(fade=0.55, smoke=0.9, reach=0.15),
    "halo": Layout(fade=0.2, halo=1.0),
    "cut_crease": Layout(crisp=1.0),
    "wing": Layout(fade=0.2, reach=0.7),
    "graphic": Layout(crisp=0.9, band=1.0, reach=0.3),
}


def _layout(b: StyleBatch, part: str) -> Tensor:
    return b.table("eyeshadow", "layout", {n: getattr(v, part) for n, v in LAYOUT.items()})


def eyeshadow(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Lid, sides, crease, outer corner, inner corner, lower lash line, from light to dark."""
    opacity, height = b("eyeshadow", "opacity"), b("eyeshadow", "height")
    crisp, halo = _layout(b, "crisp"), _layout(b, "halo")
    wing = torch.maximum(b("eyeshadow", "wing"), _layout(b, "reach"))
    soft = f.paintable * (1 - f.brows) * f.below_brow * s.skin
    end = 1.02 + 0.36 * wing
    rising = f.across - wing * 0.5 * (f.along - 1).clamp_min(0) * f.eye_width
    above = torch.where(f.along > 1, smoothstep(rising, -0.35, 0.10), f.above)
    upper = soft * above * smoothstep(f.along, -0.14, 0.12)
    upper = upper * (1 - smoothstep(f.along, end, end + 0.28))
    # Lower towards the inner corner: the shape of a lid, not of a stripe.
    almond = 0.45 + 0.55 * smoothstep(f.along, -0.15, 0.42)
    top = (0.22 + 0.70 * height) * almond
    low = torch.lerp(0.42 * height * almond, top - 0.05, crisp)
    lid = upper * (1 - smoothstep(f.lid, low, top))
    lid = lid * (1 - _layout(b, "fade") * smoothstep(f.lid, 0.05, top))
    middle = torch.exp(-(((f.along - 0.5) / 0.24) ** 2))
    color, dark, outer = (b("eyeshadow", name) for name in ("lid", "crease", "outer"))
    centre = lid * torch.lerp(torch.ones_like(middle), middle, halo)
    coats = lay(coats, s, b, f, "eyeshadow", centre, color, opacity)

    def matte(coats: Coats, alpha: Tensor, color: Tensor, coverage: Tensor) -> Coats:
        return coats.coat(alpha, color, hiding(0.9 * coverage), 0.9)

    fold_at = torch.lerp(0.72 * height * almond, top, crisp)
    below = torch.lerp(0.16 * torch.ones_like(crisp), 0.03 * torch.ones_like(crisp), crisp)
    off = f.lid - fold_at
    fold = torch.exp(-((off / torch.where(off < 0, below, 0.17)) ** 2))
    fold = torch.maximum(fold * smoothstep(f.along, 0.02, 0.45), halo * lid * (1 - middle))
    part = opacity * b("eyeshadow", "crease_opacity")
    coats = matte(coats, upper * fold, dark, part)
    corner = smoothstep(f.along, 0.52, 1.0) * (1 - smoothstep(f.lid, 0.25, 0.30 + 0.55 * height))
    part = opacity * b("eyeshadow", "outer_opacity")
    coats = matte(coats, upper * corner, outer, part)
    under = torch.exp(-((f.lower_lash / 0.26) ** 2)) * (1 - f.above)
    under = under * smoothstep(f.along, 0.05, 0.55) * (1 - smoothstep(f.along, 1.0, 1.16))
    smoke = _layout(b, "smoke")
    if bool((smoke > 0).any()):
        rim = upper * torch.exp(-((f.lid / 0.20) ** 2)) + 0.7 * soft * under
        coats = matte(coats, rim.clamp_max(1) * smoke, outer, 0.8 * opacity)
    band = _layout(b, "band")
    if bool((band > 0).any()):
        line = (f.lid - top - 0.07).abs() * 2.6  # cm, roughly
        drawn = band * upper * (1 - smoothstep(line, 0.06, 0.07 + 1.2 * f.pitch))
        coats = matte(coats, drawn * smoothstep(f.along, 0.1, 0.3), outer, opacity)
    near = torch.exp(-((f.along * f.eye_width) ** 2 + f.across**2) / 0.34**2)
    part = opacity * b("eyeshadow", "inner_opacity")
    coats = lay(coats, s, b, f, "eyeshadow", soft * near, b("eyeshadow", "inner"), part)
    part = opacity * b("eyeshadow", "lower_opacity")
    return matte(coats, soft * under, b("eyeshadow", "lower"), part)


def liner(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """A crisp line along the lashes, or a smudged one."""
    thickness = 0.05 + 0.36 * b("liner", "thickness")
    softness = 0.02 + 0.30 * b("liner", "smudge")
    line = strokes.winged_line(
        f, thickness, 0.42 * b("liner", "wing"), b("liner", "lift"), softness
    )
    width = (0.05 + 0.45 * softness).clamp_min(0.8 * f.pitch)
    under = b("liner", "lower") * strokes.lower_line(f, width)
    alpha = torch.maximum(line, under) * f.paintable * (s.skin / 0.6).clamp_max(1)
    return lay(coats, s, b, f, "liner", alpha, b("liner", "color"), 0.985 * b("liner", "opacity"))


def lashes(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Mascara, hair by hair."""
    numbers = b.numbers("lashes", (3, strokes.TABLE))
    values = (b("lashes", name) for name in ("length", "density", "curl", "lower"))
    drawn = strokes.lashes(f, numbers, *values)
    alpha = drawn * f.paintable * (s.skin / 0.6).clamp_max(1)
    return coats.coat(alpha, b("lashes", "color"), hiding(0.96 * b("lashes", "opacity")), 0.6)


def brows(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Powder that follows the hairs there are, and drawn hairs where they are wanted."""
    opacity, fuller = b("brows", "opacity"), b("brows", "thickness")
    area = smoothstep(f.brow_edge + 0.22 * fuller, -0.18, 0.16) * f.paintable
    thin = (-fuller).clamp_min(0) * f.brows * (1 - area)
    coats = coats.coat(thin * s.skin, s.tone, hiding(0.6 * opacity), 0.7)
    hair = (1.10 - s.relief()).clamp(0, 1)
    amount = (0.30 + 1.5 * hair).clamp(0, 1)
    drawn = b("brows", "strokes")
    if bool((drawn > 0).any()):
        numbers = torch.rand(1, 3, strokes.TABLE, generator=torch.Generator().manual_seed(3))
        lines = strokes.brow_hairs(f, numbers.to(area.device))
        amount = torch.lerp(amount, torch.maximum(0.8 * amount, lines), drawn)
    # Thin at the inner end, as a brow grows.
    alpha = area * amount * (0.55 + 0.45 * smoothstep(f.brow_along, 0.0, 0.3))
    return lay(coats, s, b, f, "brows", alpha, b("brows", "color"), 0.75 * opacity)
