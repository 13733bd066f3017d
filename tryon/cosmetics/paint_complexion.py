"""Foundation, concealer, contour, blush and highlight: the products of the skin."""

from __future__ import annotations

import torch
from torch import Tensor

from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields, smoothstep
from tryon.cosmetics.coat import lay
from tryon.cosmetics.pigment import Coats, hiding, luminance
from tryon.cosmetics.strokes import spot
from tryon.cosmetics.substrate import Substrate
from tryon.face.mesh import face_mesh

WARM = (0.10, 0.02, -0.08)  # relative change of R, G, B at warmth 1


def _bump(distance: Tensor, width: float) -> Tensor:
    return torch.exp(-((distance / width) ** 2))


def foundation(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Even coverage that lets pores through; `matte` takes the skin's own shine away."""
    cover = b("foundation", "opacity")
    warm = torch.tensor(WARM, device=cover.device)[None, :, None, None]
    shift = (1 + warm * b("foundation", "warmth")) * (1 + b("foundation", "lightness"))
    shade = b.colour("foundation", "color", s.tone) * shift
    skin = f.face * s.skin * (cover > 0)
    shine = (1 - 1.15 / s.relief().clamp_min(1e-3)).clamp(0, 1)
    coats = coats.dimmed(1 - b("foundation", "matte") * shine * skin)
    # Even full coverage keeps some of the wearer: a mask would hide moles, veins and age.
    return lay(coats, s, b, f, "foundation", skin, shade, 0.72 * cover)


def concealer(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Light under the eyes and beside the wings of the nose."""
    under = smoothstep(f.lower_lash, 0.10, 0.45) * (1 - smoothstep(f.lower_lash, 0.9, 1.9))
    under = under * (1 - f.above) * smoothstep(f.along, -0.35, -0.05)
    under = under * (1 - smoothstep(f.along, 0.75, 1.05)) * (f.across < 0.2)
    beside = 0.5 * _bump(f.nose_side - 0.5, 0.35) * (f.position[:, 1:2] < -0.5)
    alpha = torch.maximum(under, beside) * f.face * s.skin
    shade = b.colour("concealer", "color", s.tone * (1 + 0.5 * b("concealer", "lift")))
    return lay(coats, s, b, f, "concealer", alpha, shade, 0.6 * b("concealer", "opacity"))


def contour(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Shade in the hollow of the cheek, along jaw and hairline, beside the nose."""
    hollow = 0.9 * _bump(f.hollow, 0.75) * smoothstep(f.position[:, :1], 2.2, 4.8)
    jaw = b("contour", "jaw") * 0.8 * _bump(f.jaw, 0.8)
    nose = b("contour", "nose") * 0.7 * _bump(f.nose_side, 0.30)
    top = b("contour", "forehead") * 0.8 * _bump(f.hairline, 1.1)
    alpha = torch.maximum(torch.maximum(hollow, jaw), torch.maximum(nose, top)) * f.face * s.skin
    # A contour is the wearer's own shade, not one brown for all: half of it is their skin.
    shade = 0.5 * b("contour", "color") * (0.35 + luminance(s.tone) / 0.35).clamp(0.5, 1.3)
    shade = shade + 0.5 * s.tone * 0.45
    return lay(coats, s, b, f, "contour", alpha, shade, 0.62 * b("contour", "opacity"))


def blush(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Colour on apple or cheekbone, densest in the middle."""
    v = torch.tensor(face_mesh().vertices, device=s.linear.device)
    apple, high = 0.6 * v[280] + 0.4 * v[425], 0.45 * v[280] + 0.55 * v[345]
    place = b("blush", "placement")[:, 0, 0]
    axis = torch.nn.functional.normalize(v[345] - v[425], dim=0)
    size, drape = 1.1 + 1.4 * b("blush", "size"), b("blush", "draping")
    centre = apple * (1 - place) + high * place + 0.9 * drape[:, 0, 0] * axis
    alpha = spot(f, centre, axis, (1.2 + 0.7 * drape) * size, 0.78 * size)
    across = b("blush", "nose") * 0.8 * _bump(f.nose_tip, 1.0)
    alpha = torch.maximum(alpha, across) * f.face * s.skin
    return lay(coats, s, b, f, "blush", alpha, b("blush", "color"), 0.62 * b("blush", "opacity"))


def highlight(coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields) -> Coats:
    """Light added, not pigment: less of it on dark skin, where the same amount would look ashen."""
    opacity, tint = b("highlight", "opacity"), b("highlight", "color")
    bone = _bump(f.cheekbone, 0.62) * smoothstep(f.position[:, :1], 3.0, 5.2)
    bridge = 0.55 * _bump(f.bridge, 0.24)
    bow = 0.7 * _bump(f.cupid, 0.22) * (1 - f.lips)
    brow = b("highlight", "brow_bone") * smoothstep(f.lid, 0.72, 0.95) * f.below_brow
    brow = brow * smoothstep(f.along, 0.45, 0.7) * (1 - smoothstep(f.along, 1.05, 1.3)) * f.above
    alpha = torch.maximum(torch.maximum(bone, bridge), torch.maximum(bow, 0.8 * brow))
    alpha = alpha * f.face * s.skin * opacity
    strength = 0.06 + 0.32 * luminance(s.tone)
    grain = 1 + b.finish("highlight", "glint") * (2.2 * f.sparkle - 0.1)
    relief = s.relief().clamp(0.6, 1.6)
    pearl = hiding(0.25 * opacity) * (opacity > 0)
    coats = coats.coat(alpha, tint, pearl * 0.5, 1.0)
    return coats.shine(alpha * strength * grain * relief * tint)
