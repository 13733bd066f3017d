"""The painter: a batch of bare face textures and styles in, exact makeup layers out.

Works in atlas space with torch on any device. Every cosmetic is an affine map of linear light
(`pigment.Affine`), so the layers of a style fold into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields as dataclass_fields

import torch
from torch import Tensor

from tryon.cosmetics.brushes import (
    BrushFields,
    brush_fields,
    free_shapes,
    smoothstep,
    spot,
    winged_line,
)
from tryon.cosmetics.pigment import Affine, Substrate, luminance, pigment, to_linear
from tryon.cosmetics.style import MakeupStyle
from tryon.face.mesh import face_mesh

# How much of the skin's own detail shows through, by finish.
DETAIL = {"sheer": 1.0, "satin": 0.9, "matte": 0.72, "gloss": 1.0, "shimmer": 0.95, "metallic": 1.0}
GLOSS = {"gloss": 1.0, "metallic": 0.8, "shimmer": 0.4, "satin": 0.2}
SHIMMER = {"shimmer": 0.35, "metallic": 0.7}


class StyleBatch:
    """Styles as tensors: `batch("lips", "opacity")` is (B, 1, 1, 1), a colour (B, 3, 1, 1)."""

    def __init__(self, styles: Sequence[MakeupStyle], device: str | torch.device = "cpu") -> None:
        self.styles = tuple(styles)
        self.device = device
        self._values = {
            (layer.name, item.name): self._stack(layer.name, item.name)
            for layer in dataclass_fields(MakeupStyle)
            for item in dataclass_fields(getattr(self.styles[0], layer.name))
            if item.name != "finish"
        }

    def __len__(self) -> int:
        return len(self.styles)

    def __call__(self, layer: str, name: str) -> Tensor:
        """Values of one setting; colours come in linear light."""
        return self._values[layer, name]

    def finish(self, layer: str, table: dict[str, float]) -> Tensor:
        """(B, 1, 1, 1) value of each style's finish in a table; 0 where it has none."""
        lookup = [table.get(getattr(style, layer).finish, 0.0) for style in self.styles]
        return torch.tensor(lookup, device=self.device)[:, None, None, None]

    def used(self, layer: str) -> bool:
        """Whether any style of the batch has this layer."""
        return bool((self(layer, "opacity") > 0).any())

    def _stack(self, layer: str, name: str) -> Tensor:
        values = [getattr(getattr(style, layer), name) for style in self.styles]
        if isinstance(values[0], str):
            rgb = [[int(v[i : i + 2], 16) / 255 for i in (1, 3, 5)] for v in values]
            return to_linear(torch.tensor(rgb, device=self.device))[:, :, None, None]
        return torch.tensor(values, dtype=torch.float32, device=self.device)[:, None, None, None]


def paint(substrate: Substrate, styles: StyleBatch) -> Affine:
    """Paint styles on bare faces.

    Args:
        substrate: B faces.
        styles: B styles.

    Returns:
        The makeup layer of each face; identity where nothing was painted.
    """
    fields = brush_fields(substrate.linear.shape[-1], str(substrate.linear.device))
    layer = Affine.identity_like(substrate.linear)
    steps = {
        "foundation": _foundation,
        "contour": _contour,
        "blush": _blush,
        "eyeshadow": _eyeshadow,
        "liner": _liner,
        "brows": _brows,
        "highlight": _highlight,
        "lips": _lips,
        "paint": _free_paint,
    }
    for name, step in steps.items():
        if styles.used(name):
            layer = step(layer, substrate, styles, fields)
    return layer


def _foundation(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    cover = b("foundation", "opacity")
    warm = torch.tensor([0.10, 0.02, -0.08], device=s.linear.device)[None, :, None, None]
    tone = (1 + warm * b("foundation", "warmth")) * (1 + b("foundation", "lightness"))
    shine = (1 - 1.2 * luminance(s.low) / luminance(s.linear).clamp_min(1e-3)).clamp(0, 1)
    gain = 1 - b("foundation", "matte") * shine
    hidden = 0.6 * cover  # even full coverage lets pores through
    skin = f.face * s.skin * (cover > 0)
    return layer.then(skin, (1 - hidden) * gain * tone, hidden * s.low * tone)


def _pigment_layer(
    layer: Affine, s: Substrate, alpha: Tensor, color: Tensor, thick: Tensor | float,
    detail: Tensor | float = 1.0, lips: bool = False,
) -> Affine:  # fmt: skip
    box = _touched(alpha)
    if box is None:
        return layer
    part = Affine(layer.gain[box], layer.offset[box])
    low = (s.low_lips if lips else s.low)[box]
    gain, offset = pigment(part, low, s.illuminant[box], color, thick, detail)
    return layer.replaced(box, part.then(alpha[box], gain, offset))


def _touched(alpha: Tensor) -> tuple[slice, ...] | None:
    """The rows and columns a brush touches in any face of the batch; most touch a small part."""
    any_face = alpha.amax((0, 1)) > 1e-4
    rows, columns = any_face.any(1).nonzero(), any_face.any(0).nonzero()
    if not len(rows):
        return None
    down = slice(int(rows[0]), int(rows[-1]) + 1)
    return (slice(None), slice(None), down, slice(int(columns[0]), int(columns[-1]) + 1))


def _contour(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    hollow = 0.9 * torch.exp(-((f.hollow / 0.75) ** 2)) * smoothstep(f.position[:, :1], 2.2, 4.5)
    jaw = b("contour", "jaw") * torch.exp(-((f.jaw / 0.8) ** 2))
    nose = b("contour", "nose") * torch.exp(-((f.nose_side / 0.32) ** 2))
    alpha = torch.maximum(torch.maximum(hollow, jaw), nose) * b("contour", "opacity")
    return _pigment_layer(layer, s, alpha * f.face * s.skin, b("contour", "color"), 0.5)


def _blush(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    v = torch.tensor(face_mesh().vertices, device=s.linear.device)
    apple, high = 0.6 * v[280] + 0.4 * v[425], 0.5 * (v[280] + v[345])
    place = b("blush", "placement")[:, 0, 0]
    axis = torch.nn.functional.normalize(v[345] - v[425], dim=0)
    size = 1.2 + 1.6 * b("blush", "size")
    alpha = spot(f, apple * (1 - place) + high * place, axis, 1.25 * size, 0.8 * size)
    alpha = torch.maximum(alpha, b("blush", "nose") * torch.exp(-((f.nose_tip / 1.0) ** 2)))
    alpha = alpha * b("blush", "opacity") * f.face * s.skin
    return _pigment_layer(layer, s, alpha, b("blush", "color"), 0.42)


def _eyeshadow(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    opacity, height, wing = (b("eyeshadow", k) for k in ("opacity", "height", "wing"))
    detail = b.finish("eyeshadow", DETAIL)
    soft = f.paintable * (1 - f.brows) * f.below_brow * s.skin
    end = 1.05 + 0.35 * wing
    rising = f.across - wing * 0.5 * (f.along - 1).clamp_min(0) * f.eye_width
    above = torch.where(f.along > 1, smoothstep(rising, -0.35, 0.05), f.above)
    upper = (
        soft * above * smoothstep(f.along, -0.12, 0.10) * (1 - smoothstep(f.along, end, end + 0.25))
    )
    lid = upper * (1 - smoothstep(f.lid, 0.55 * height, 0.25 + 0.75 * height))
    color = b("eyeshadow", "lid")
    layer = _pigment_layer(layer, s, lid * opacity, color, 0.5 + 1.8 * opacity, detail)
    fold = torch.exp(-(((f.lid - 0.75 * height) / 0.17) ** 2)) * smoothstep(f.along, 0.1, 0.5)
    crease = upper * fold * opacity * b("eyeshadow", "crease_opacity")
    layer = _pigment_layer(layer, s, crease, b("eyeshadow", "crease"), 0.9, 0.95)
    corner = smoothstep(f.along, 0.55, 1.0) * (1 - smoothstep(f.lid, 0.3, 0.3 + 0.6 * height))
    outer = upper * corner * opacity * b("eyeshadow", "outer_opacity")
    layer = _pigment_layer(layer, s, outer, b("eyeshadow", "outer"), 1.3, 0.95)
    near = torch.exp(-((f.along * f.eye_width) ** 2 + f.across**2) / 0.35**2)
    inner = soft * near * opacity * b("eyeshadow", "inner_opacity")
    layer = _pigment_layer(layer, s, inner, b("eyeshadow", "inner"), 1.2)
    below = torch.exp(-((f.lower_lash / 0.28) ** 2)) * (1 - f.above)
    below = below * smoothstep(f.along, 0.05, 0.5) * (1 - smoothstep(f.along, 1.0, 1.15))
    lower = soft * below * opacity * b("eyeshadow", "lower_opacity")
    layer = _pigment_layer(layer, s, lower, b("eyeshadow", "lower"), 0.9)
    shine = b.finish("eyeshadow", SHIMMER)
    sheen = 0.30 * torch.exp(-(((f.along - 0.5) / 0.28) ** 2)) + 0.5 * f.sparkle
    glow = lid * opacity * shine * sheen
    all_of_it = torch.ones_like(glow)
    return layer.then(all_of_it, all_of_it, glow * s.illuminant * (0.3 + color))


def _liner(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    thickness = 0.08 + 0.40 * b("liner", "thickness")
    softness = 0.04 + 0.25 * b("liner", "smudge")
    line = winged_line(f, thickness, 0.45 * b("liner", "wing"), softness)
    under = torch.exp(-((f.lower_lash / (0.06 + 0.5 * softness)) ** 2)) * (1 - f.above)
    under = under * smoothstep(f.along, 0.1, 0.4) * (1 - smoothstep(f.along, 0.98, 1.05))
    alpha = torch.maximum(line, b("liner", "lower") * under) * b("liner", "opacity") * f.paintable
    return _pigment_layer(layer, s, alpha, b("liner", "color"), 4.0, 0.6)


def _brows(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    hair = (1.15 - luminance(s.linear) / luminance(s.low).clamp_min(1e-3)).clamp(0, 1)
    alpha = f.brows * b("brows", "opacity") * (0.3 + 1.4 * hair).clamp(0, 1) * f.paintable
    return _pigment_layer(layer, s, alpha, b("brows", "color"), 1.2)


def _highlight(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    bone = torch.exp(-((f.cheekbone / 0.65) ** 2)) * smoothstep(f.position[:, :1], 3.0, 5.0)
    bridge = 0.9 * torch.exp(-((f.bridge / 0.30) ** 2))
    bow = 0.8 * torch.exp(-((f.cupid / 0.25) ** 2)) * (1 - f.lips)
    alpha = torch.maximum(torch.maximum(bone, bridge), bow) * b("highlight", "opacity")
    alpha = alpha * f.face * s.skin
    light = alpha * (0.22 + 0.15 * f.sparkle) * s.illuminant * b("highlight", "color")
    return layer.then(torch.ones_like(alpha), torch.ones_like(alpha), light)


def _lips(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    cover, color = b("lips", "opacity"), b("lips", "color")
    edge = smoothstep(f.lip_depth, 0.0, 0.02 + 0.45 * b("lips", "blur"))
    fade = 1 - b("lips", "ombre") * (1 - smoothstep(f.lip_depth, 0.05, 0.75))
    alpha = f.lips * edge * fade * (cover > 0)
    detail = b.finish("lips", DETAIL)
    layer = _pigment_layer(layer, s, alpha, color, 0.15 + 3.2 * cover**2, detail, lips=True)
    rim = f.lips * (1 - smoothstep(f.lip_depth, 0.06, 0.20)) * (cover > 0)
    layer = layer.then(rim * b("lips", "liner"), 1 - 0.45 * torch.ones_like(rim))
    relative = luminance(s.linear) / luminance(s.low_lips).clamp_min(1e-3)
    lobe = torch.exp(-(((f.lip_depth - 0.55) / 0.18) ** 2)) * (f.position[:, :1] < 1.4)
    spec = (relative - 1.04).clamp(0, 0.6) + 0.25 * lobe * (relative - 0.85).clamp(0, 0.5)
    shine = spec * f.lips * b.finish("lips", GLOSS) * (cover > 0)
    return layer.then(torch.ones_like(rim), torch.ones_like(rim), 0.55 * shine * s.illuminant)


def _free_paint(layer: Affine, s: Substrate, b: StyleBatch, f: BrushFields) -> Affine:
    noise = []
    for style in b.styles:
        generator = torch.Generator().manual_seed(int(style.paint.seed * 2**31))
        cells = 4 + round(10 * (1 - style.paint.scale))
        field = torch.randn(2, 1, cells, cells, generator=generator)
        mirrored = 0.5 * (field + field.flip(-1)) * 2**0.5
        field = torch.where(torch.tensor(style.paint.symmetric > 0.5), mirrored, field)
        noise.append(torch.nn.functional.interpolate(field, size=(16, 16), mode="bicubic"))
    stacked = torch.stack(noise, 1).to(s.linear.device)  # (2, B, 1, 16, 16)
    sharp, cover = b("paint", "sharpness"), b("paint", "coverage")
    for index, color in enumerate((b("paint", "color"), b("paint", "second"))):
        alpha = free_shapes(f, stacked[index], cover * (1.0, 0.5)[index], sharp)
        alpha = alpha * b("paint", "opacity") * f.paintable * s.skin.clamp_min(0.0)
        layer = _pigment_layer(layer, s, alpha, color, 2.5, 0.85)
    return layer
