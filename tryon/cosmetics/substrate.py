"""From a bare face texture to what the pigments need: base colour, light, and where skin is.

Exposure is the crux: with a fixed skin reflectance one swatch turns brown-black on dark skin. The
reflectance is taken from the skin tone (ITA, Chardon et al. 1991), checked against the sclera.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import BrushFields
from tryon.cosmetics.pigment import Substrate, luminance, to_linear

# Luminous reflectance of skin by individual typology angle, deg.
ITA_KNOTS = (-50.0, -30.0, 0.0, 30.0, 55.0, 75.0)
REFLECTANCE = (0.07, 0.12, 0.22, 0.36, 0.50, 0.58)
SHADING_RANGE = (0.25, 2.5)  # light on a texel relative to the face's median


def skin_tone(linear_skin: Tensor) -> Tensor:
    """Individual typology angle of a linear RGB skin colour.

    Args:
        linear_skin: (B, 3) linear RGB, D65.

    Returns:
        (B,) degrees; > 55 very light, 28..41 intermediate, < -30 dark.
    """
    matrix = torch.tensor(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
        dtype=linear_skin.dtype,
        device=linear_skin.device,
    )
    white = torch.tensor([0.9505, 1.0, 1.089], dtype=linear_skin.dtype, device=linear_skin.device)
    xyz = linear_skin @ matrix.T / white
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    lightness, b = 116 * f[:, 1] - 16, 200 * (f[:, 1] - f[:, 2])
    return torch.rad2deg(torch.atan2(lightness - 50, b.clamp_min(1e-3)))


def reflectance_of(ita: Tensor) -> Tensor:
    """Piecewise linear luminous reflectance of skin of a given ITA (deg)."""
    out = torch.full_like(ita, REFLECTANCE[0])
    knots = zip(ITA_KNOTS, REFLECTANCE, strict=True)
    for (a, ya), (b, yb) in pairwise(knots):
        t = ((ita - a) / (b - a)).clamp(0, 1)
        out = out + t * (yb - ya)
    return out


def masked_blur(image: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Blur (B, C, H, W) under a mask (B, 1, H, W): the mean of masked texels nearby."""
    size = image.shape[-1]
    step = 1 << max(0, int(math.log2(sigma)))  # a power of two divides every atlas size
    mask = mask.expand(len(image), -1, -1, -1)
    joined = torch.cat([image * mask, mask], 1)
    small = F.avg_pool2d(joined, step) if step > 1 else joined
    s = sigma / step
    radius = max(1, math.ceil(2.5 * s))
    x = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (x / s) ** 2)
    kernel = (kernel / kernel.sum()).expand(joined.shape[1], 1, -1)
    small = F.conv2d(small, kernel[:, :, None, :], padding=(0, radius), groups=joined.shape[1])
    small = F.conv2d(small, kernel[:, :, :, None], padding=(radius, 0), groups=joined.shape[1])
    if step > 1:
        small = F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
    return small[:, :-1] / small[:, -1:].clamp_min(1e-4)


def estimate_substrate(
    texture: Tensor,
    skin: Tensor,
    fields: BrushFields,
    ita: Tensor | None = None,
    light_colour: Tensor | None = None,
) -> Substrate:
    """Split a bare face into what the painter needs.

    Args:
        texture: (B, 3, A, A) sRGB-encoded, 0..1.
        skin: (B, 1, A, A) how surely a texel is skin, 0..1.
        fields: brush fields of the same size.
        ita: (B,) skin tone in degrees when it is known better than this picture shows it (the
            picture may be re-lit); None estimates it here.
        light_colour: (B, 3, 1, 1) colour of the light where it is known; None takes it as white.

    Returns:
        The substrate; the strength of the light varies over the face, its colour does not.
    """
    linear = to_linear(texture)
    unit = fields.size / 256
    face = fields.face * skin + 1e-3 * fields.inside
    low = masked_blur(linear, face, 7 * unit)
    low_lips = masked_blur(linear, fields.lips + 1e-4, 4 * unit)
    low_lips = torch.where(fields.lips > 0.05, low_lips, low)
    weight = fields.face * skin
    mean = (linear * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1.0)
    tone = skin_tone(mean) if ita is None else ita
    shade = luminance(masked_blur(linear, face, 14 * unit))
    median = luminance(mean[:, :, None, None])
    strength = median / reflectance_of(tone)[:, None, None, None]
    local = (shade / median.clamp_min(1e-3)).clamp(*SHADING_RANGE)
    illuminant = strength * local * (1.0 if light_colour is None else light_colour)
    return Substrate(linear, low, low_lips, illuminant.expand_as(linear), skin)


def skin_likelihood(texture: Tensor, fields: BrushFields) -> Tensor:
    """How surely each texel is skin rather than hair, glasses, a hand or background.

    A Gaussian in log-chroma and log-luminance fitted on the cheeks, forehead and chin of this very
    face, so that it holds for every skin tone.

    Args:
        texture: (B, 3, A, A) sRGB-encoded, 0..1.
        fields: brush fields of the same size.

    Returns:
        (B, 1, A, A) in 0..1.
    """
    logs = torch.log(masked_blur(to_linear(texture), fields.inside, 1.5 * fields.size / 256) + 0.01)
    r, g, b = logs.unbind(1)
    features = torch.stack([r - g, g - b, logs.mean(1)], 1)
    core = _core(fields)[0, 0]
    samples = features[:, :, core]
    median = samples.median(-1).values
    spread = (samples - median[..., None]).abs().median(-1).values * 1.48
    spread = spread + torch.tensor([0.08, 0.08, 0.30], device=texture.device)
    z = (features - median[..., None, None]) / spread[..., None, None]
    weights = torch.tensor([1.0, 1.0, 0.5], device=texture.device)[None, :, None, None]
    distance = (z**2 * weights).sum(1, keepdim=True)
    likelihood = torch.exp(-0.2 * (distance - 4).clamp_min(0))
    likelihood = masked_blur(likelihood, fields.inside, 2 * fields.size / 256)
    # Lips differ from skin by nature; eyelids are darker and hold lashes.
    eased = torch.where(_around_eyes(fields), 0.6 + 0.4 * likelihood, likelihood)
    return torch.maximum(eased, fields.lips)


def _core(fields: BrushFields) -> Tensor:
    """(1, 1, A, A) bool: middle of the cheeks, the forehead and the chin."""
    from tryon.face.mesh import face_mesh

    vertices = torch.tensor(face_mesh().vertices, device=fields.position.device)
    core = torch.zeros_like(fields.inside, dtype=torch.bool)
    for index in (280, 425, 330, 151, 9, 199, 195):
        centre = vertices[index].abs() * torch.tensor([1.0, 0, 0], device=vertices.device)
        centre = centre + vertices[index] * torch.tensor([0.0, 1, 1], device=vertices.device)
        near = ((fields.position - centre[None, :, None, None]) ** 2).sum(1, keepdim=True) < 1.0
        core |= near & (fields.face > 0.9)
    return core


def _around_eyes(fields: BrushFields) -> Tensor:
    return (fields.lash < 1.2) | (fields.lower_lash < 0.6)
