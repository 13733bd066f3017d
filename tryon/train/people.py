"""New people from known ones: half somebody else, or with another complexion.

Textures in the atlas, in linear light, before any makeup; who is in which split never mixes here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.substrate import masked_blur, skin_tone

# Optical density of red, green and blue light, relative to blue: what melanin and what blood adds
# to skin, from published absorption spectra averaged over sRGB's primaries.
MELANIN, BLOOD = (0.42, 0.68, 1.0), (0.12, 1.0, 0.75)
BLOOD_SHARE = 0.2  # blood varies less than melanin
MOTTLE = 0.06  # sigma of the uneven tone of a face, in optical density

Textures = tuple[Tensor, Tensor, Tensor]
"""Linear light (B, 3, A, A), visibility and skin (B, 1, A, A)."""


def morph(host: Textures, donor: Textures, share: Tensor) -> Tensor:
    """Half a new person: the host's tone and shading with the donor's features.

    In the atlas both have one shape, so that only texture is exchanged, where both show skin.

    Args:
        host: whose low frequencies, hair and border are kept.
        donor: whose detail is taken.
        share: (B, 1, 1, 1) how much of it, 0..1.

    Returns:
        (B, 3, A, A) linear light.
    """
    size = host[0].shape[-1]
    fields = brush_fields(size, str(host[0].device))
    both = fields.paintable * host[1] * host[2] * donor[1] * donor[2]
    a, b = (torch.log(t.clamp_min(0.003)) for t in (host[0], donor[0]))
    low = masked_blur(b - a, both + 1e-3 * fields.inside, 24 * size / 256)
    return torch.exp(a + share * both * (b - a - low)).clamp(0, 1)


def recoloured(
    linear: Tensor, skin: Tensor, ita: Tensor, amount: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The same faces with more or less melanin and blood, unevenly as skin has it (Beer-Lambert).

    Args:
        linear: (B, 3, A, A) linear light.
        skin: (B, 1, A, A) how surely skin, 0..1; nothing else is changed.
        ita: (B,) skin tone, deg.
        amount: +- optical density of melanin in blue light.
        rng: random numbers, on the faces' device.

    Returns:
        The faces and their skin tones.
    """
    n, _, size, _ = linear.shape
    device = linear.device
    fields = brush_fields(size, str(device))

    def spread(*shape: int) -> Tensor:
        return 2 * torch.rand(shape, generator=rng, device=device) - 1

    coarse = torch.randn((n, 2, 7, 7), generator=rng, device=device) * MOTTLE
    mottle = F.interpolate(coarse, (32, 32), mode="bicubic")
    mottle = F.interpolate(mottle, (size, size), mode="bilinear")
    melanin = amount * (spread(n, 1, 1, 1) + mottle[:, :1])
    blood = BLOOD_SHARE * amount * (spread(n, 1, 1, 1) + 2 * mottle[:, 1:])
    dyes = torch.tensor([MELANIN, BLOOD], device=device)[:, None, :, None, None]
    changed = linear * torch.exp(-(melanin * dyes[0] + blood * dyes[1]) * skin)
    weight = fields.face * skin
    before, after = (
        skin_tone((t * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1.0))
        for t in (linear, changed)
    )
    return changed.clamp(0, 1), ita + after - before
