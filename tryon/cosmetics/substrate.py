"""From a bare face to what pigments need: reflectance, light and detail.

Exposure is the crux: with a fixed skin reflectance one swatch turns brown-black on dark skin. The
reflectance is taken from the skin tone (ITA, Chardon et al. 1991); the sclera has a say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import Box, BrushFields
from tryon.cosmetics.pigment import luminance

# Luminous reflectance of skin by individual typology angle, deg. The values are those under which
# a swatch on the lips of training portraits shows its own brightness, on average at every tone
# (tryon.train.calibrate): one swatch then reads as one colour whoever wears it. Below -50 deg the
# angle tells how grey a picture is, not how dark a skin: the curve ends there.
ITA_KNOTS = (-50.0, -35.0, -20.0, 0.0, 19.0, 34.0, 48.0, 62.0, 80.0)
REFLECTANCE = (0.072, 0.100, 0.119, 0.158, 0.225, 0.297, 0.375, 0.458, 0.544)
SHADING_RANGE = (0.25, 2.5)  # light on a sample relative to the face's median
SHADING, LIP_SHADING = 0.9, 0.3  # powers: what looks like shade round lips is beard more often
LEAST_B = 10.0  # b* of the palest skin; less is a picture without colour, which tells no angle
# The tone is read from the same picture, so that what brightness is left beyond it is light by half
# at most: the sclera and the bare lips of training portraits follow it with a power of 0.4.
SKIN_TRUST = 0.5
TYPICAL = 1.05  # strength of light in a picture that shows skin as bright as its tone has it
# The white of the eyes as portraits of each tone show it, in the shade of lids: SCLERA at 0 deg and
# e times that SCLERA_RISE deg above. It is hidden by a squint or glasses, so it may say little.
SCLERA, SCLERA_RISE = 0.16, 91.0
SCLERA_TRUST, SCLERA_RANGE = 0.25, (0.85, 1.18)
REFLECTANCE_RANGE = (0.012, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Substrate:
    """B bare faces as the painter sees them; all linear light."""

    linear: Tensor  # (B, 3, H, W)
    low: Tensor  # (B, 3, H, W) the same without fine detail; lips and skin apart
    illuminant: Tensor  # (B, 1 or 3, H, W) light on each sample: white paper would look so
    skin: Tensor  # (B, 1, H, W) how surely it is skin, not hair, glasses or background
    tone: Tensor  # (B, 3, 1, 1) mean reflectance of the skin

    def crop(self, box: Box) -> Substrate:
        """The faces in a box: views, not copies."""
        cut = {n: getattr(self, n)[(..., *box)] for n in ("linear", "low", "illuminant", "skin")}
        return replace(self, **cut)

    def reflectance(self) -> Tensor:
        """(B, 3, H, W) reflectance without fine detail, within that of skin, hair and teeth."""
        return (self.low / self.illuminant).clamp(*REFLECTANCE_RANGE)

    def relief(self) -> Tensor:
        """(B, 1, H, W) luminance relative to the smooth one: highlights > 1, pores and hair < 1."""
        return luminance(self.linear) / luminance(self.low).clamp_min(1e-3)


def skin_tone(linear_skin: Tensor, least_b: float = 1e-3) -> Tensor:
    """Individual typology angle of a linear RGB skin colour.

    Args:
        linear_skin: (B, 3) linear RGB, D65.
        least_b: what b* counts as where it is less; the angle of grey is not defined.

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
    return torch.rad2deg(torch.atan2(lightness - 50, b.clamp_min(least_b)))


def reflectance_of(ita: Tensor) -> Tensor:
    """Piecewise linear luminous reflectance of skin of a given ITA (deg)."""
    out = torch.full_like(ita, REFLECTANCE[0])
    knots = zip(ITA_KNOTS, REFLECTANCE, strict=True)
    for (a, ya), (b, yb) in pairwise(knots):
        t = ((ita - a) / (b - a)).clamp(0, 1)
        out = out + t * (yb - ya)
    return out


def _pooled(image: Tensor, mask: Tensor, step: int) -> Tensor:
    """(B, C + 1, h, w) masked image and mask, averaged over squares of `step`."""
    joined = torch.cat([image * mask, mask.expand(len(image), -1, -1, -1)], 1)
    return F.avg_pool2d(joined, step, ceil_mode=True) if step > 1 else joined


def _gauss(image: Tensor, sigma: float) -> Tensor:
    radius = max(1, math.ceil(2.5 * sigma))
    x = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(image.shape[1], 1, -1)
    out = F.conv2d(image, kernel[:, :, None, :], padding=(0, radius), groups=image.shape[1])
    return F.conv2d(out, kernel[:, :, :, None], padding=(radius, 0), groups=image.shape[1])


def _ratio(joined: Tensor, like: Tensor, step: int) -> Tensor:
    """Masked means from sums, back at full size; the division is done on the small picture."""
    mean = joined[:, :-1] / joined[:, -1:].clamp_min(1e-4)
    if step == 1:
        return mean
    size = (mean.shape[2] * step, mean.shape[3] * step)
    full = F.interpolate(mean, size=size, mode="bilinear", align_corners=False)
    return full[..., : like.shape[2], : like.shape[3]]


def _mean(image: Tensor, weight: Tensor) -> Tensor:
    """(B, C, 1, 1) weighted mean over the picture."""
    return (image * weight).sum((2, 3), True) / weight.sum((2, 3), True).clamp_min(1.0)


def _step(sigma: float) -> int:
    return 1 << max(0, int(math.log2(max(sigma, 1.0))))  # a power of two divides every atlas size


def masked_blur(image: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Blur (B, C, H, W) under a mask (B, 1, H, W): the mean of masked samples nearby."""
    step = _step(sigma)
    small = _gauss(_pooled(image, mask, step), sigma / step)
    return _ratio(small, image, step)


def estimate_substrate(
    skin: Tensor,
    fields: BrushFields,
    linear: Tensor,
    ita: Tensor | None = None,
    light_colour: Tensor | None = None,
) -> Substrate:
    """Split a bare face into what the painter needs.

    Args:
        skin: (B, 1, H, W) how surely a sample is skin, 0..1.
        fields: brush fields of the same raster.
        linear: (B, 3, H, W) the picture in linear light.
        ita: (B,) skin tone in degrees when it is known better than this picture shows it (the
            picture may be re-lit); None estimates it here, and looks at the sclera too.
        light_colour: (B, 3, 1, 1) colour of the light where it is known; None takes it as white.

    Returns:
        The substrate; the strength of the light varies over the face, its colour does not.
    """
    unit = fields.size / 256
    face = fields.face * skin
    step = _step(7 * unit)
    sums = _gauss(_pooled(linear, face + 1e-3 * fields.inside, step), 7 * unit / step)
    low = _ratio(sums, linear, step)
    wide = _gauss(sums, 12 * unit / step)  # 7 and 12 make 14
    shade = _ratio(torch.cat([luminance(wide[:, :3]), wide[:, 3:]], 1), linear, step)
    lips = masked_blur(linear, fields.lips + 1e-4, 4 * unit)
    low = torch.lerp(low, lips, (2 * fields.lips).clamp(0, 1))
    mean = _mean(linear, face)[:, :, 0, 0]
    tone = skin_tone(mean, LEAST_B) if ita is None else ita
    # The mean of the local light must be that strength, so both are relative to one luminance.
    typical = luminance(mean[:, :, None, None]).clamp_min(1e-3)
    strength = typical / reflectance_of(tone)[:, None, None, None]
    if ita is None:
        strength = TYPICAL * strength**SKIN_TRUST * _told_by_sclera(tone, linear, fields)
    on_lips = (2 * fields.lips).clamp(0, 1)
    power = SHADING + (LIP_SHADING - SHADING) * on_lips
    local = (shade / typical).clamp(*SHADING_RANGE) ** power
    colour = 1.0 if light_colour is None else light_colour
    illuminant = (strength * local * colour).clamp_min(1e-3)
    mean_reflectance = mean[:, :, None, None] / (strength * colour)
    return Substrate(linear, low, illuminant, skin, mean_reflectance.clamp(*REFLECTANCE_RANGE))


def sclera_of(ita: Tensor) -> Tensor:
    """Luminance that the sclera usually has in a picture of skin of a given ITA (deg)."""
    return SCLERA * torch.exp(ita.clamp(ITA_KNOTS[0], ITA_KNOTS[-1]) / SCLERA_RISE)


def white_of(linear: Tensor, fields: BrushFields) -> Tensor | None:
    """(B,) luminance of the white of the eyes; None where the raster is too coarse to hold it."""
    inside = (fields.sclera > 0.9).flatten()
    if int(inside.sum()) < 40:
        return None
    return luminance(linear).flatten(1)[:, inside].quantile(0.9, dim=1)


def _told_by_sclera(tone: Tensor, linear: Tensor, fields: BrushFields) -> Tensor:
    """(B, 1, 1, 1) factor of the light by the white of the eyes; 1 where it is not seen."""
    white, usual = white_of(linear, fields), sclera_of(tone)
    ratio = (usual if white is None else white) / usual
    return (ratio.clamp(*SCLERA_RANGE) ** SCLERA_TRUST)[:, None, None, None]
