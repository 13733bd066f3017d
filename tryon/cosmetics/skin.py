"""Where a picture shows skin that can be painted, and where hair, glasses or a thing."""

from __future__ import annotations

import torch
from torch import Tensor

from tryon.cosmetics.brushes import BrushFields, smoothstep
from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.substrate import masked_blur
from tryon.face.mesh import face_mesh

THING_REDNESS = (0.04, 0.18)  # log R/G over that of the skin: bare lips have more, things less
BESIDE_THING = (0.40, 0.70)  # likelihood of the skin beside lips that are hidden
GREY = 0.15  # log R/G of the skin in a picture without colour, where red tells nothing


def skin_likelihood(texture: Tensor, fields: BrushFields) -> Tensor:
    """How surely each sample is skin rather than hair, glasses, a hand or background.

    A Gaussian in log-chroma and log-luminance fitted on the cheeks, forehead and chin of this very
    face, so that it holds for every skin tone.

    Args:
        texture: (B, 3, H, W) sRGB-encoded, 0..1.
        fields: brush fields of the same raster.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    unit = fields.size / 256
    logs = torch.log(masked_blur(to_linear(texture), fields.inside, 1.5 * unit) + 0.01)
    r, g, b = logs.unbind(1)
    features = torch.stack([r - g, g - b, logs.mean(1)], 1)
    core = _core(fields)[0, 0]
    if int(core.sum()) < 8:
        return fields.inside.expand(len(texture), -1, -1, -1)
    samples = features[:, :, core]
    median = samples.median(-1).values
    spread = (samples - median[..., None]).abs().median(-1).values * 1.48
    spread = spread + torch.tensor([0.08, 0.08, 0.30], device=texture.device)
    z = (features - median[..., None, None]) / spread[..., None, None]
    weights = torch.tensor([1.0, 1.0, 0.5], device=texture.device)[None, :, None, None]
    distance = (z**2 * weights).sum(1, keepdim=True)
    likelihood = torch.exp(-0.2 * (distance - 4).clamp_min(0))
    likelihood = masked_blur(likelihood, fields.inside, 2 * unit)
    # Lips differ from skin by nature; eyelids are darker and hold lashes.
    eased = torch.where(
        _around_eyes(fields), (0.6 + 0.4 * likelihood) * _eye_seen(likelihood, fields), likelihood
    )
    seen = _lips_seen(features, median, eased, fields)
    return torch.lerp(eased, seen, fields.lips)


def _lips_seen(features: Tensor, skin: Tensor, likelihood: Tensor, fields: BrushFields) -> Tensor:
    """(B, 1, H, W) 0 where a cup, cloth or microphone is in front of the lips.

    Bare lips keep some of the red of their face, whatever its tone, and lipstick of any colour has
    skin around it; a thing has neither. Fingers and brown things have both, and pass for lips.
    """
    unit = fields.size / 256
    usual = skin[:, :, None, None]
    red = features[:, :1] / usual[:, :1].clamp_min(0.1)
    own = masked_blur(red, fields.lips + 1e-4, 3 * unit)
    # White and grey pass for pale skin but for the red; darker than skin they may be a beard.
    bright = smoothstep(features[:, 2:] - usual[:, 2:], -0.4, 0.0)
    pale = bright * (1 - smoothstep(red, *THING_REDNESS))
    away = fields.face * (fields.lip_edge < -0.15)  # clear of the lips' own colour
    beside = masked_blur(likelihood * (1 - pale), away + 1e-4, 10 * unit)
    thing = (1 - smoothstep(own, *THING_REDNESS)) * (1 - smoothstep(beside, *BESIDE_THING))
    return 1 - thing * (usual[:, :1] > GREY)


def _core(fields: BrushFields) -> Tensor:
    """(1, 1, H, W) bool: middle of the cheeks, the forehead and the chin."""
    vertices = torch.tensor(face_mesh().vertices, device=fields.position.device)
    core = torch.zeros_like(fields.inside, dtype=torch.bool)
    for index in (280, 425, 330, 151, 9, 199, 195):
        centre = vertices[index].abs() * torch.tensor([1.0, 0, 0], device=vertices.device)
        centre = centre + vertices[index] * torch.tensor([0.0, 1, 1], device=vertices.device)
        near = ((fields.position - centre[None, :, None, None]) ** 2).sum(1, keepdim=True) < 1.0
        core |= near & (fields.face > 0.9)
    return core


def _eye_seen(likelihood: Tensor, fields: BrushFields) -> Tensor:
    """(B, 1, H, W) 0 on a half of the face whose lids do not look like skin: dark glasses."""
    lid = (fields.lid > 0.25) & (fields.lid < 0.85) & (fields.above > 0.9) & (fields.face > 0.5)
    # The field goes on over the forehead; only what glasses would hide is asked.
    lid &= (fields.along > 0.1) & (fields.along < 0.9) & _around_eyes(fields)
    seen = torch.ones_like(likelihood)
    for side in (-1.0, 1.0):
        half = fields.side == side
        weight = (lid & half).float()
        if weight.sum() < 8:
            continue
        mean = (likelihood * weight).sum((2, 3), keepdim=True) / weight.sum()
        seen = torch.where(half, smoothstep(mean, 0.10, 0.35), seen)
    return seen


def _around_eyes(fields: BrushFields) -> Tensor:
    return (fields.lash < 1.2) | (fields.lower_lash < 0.6)
