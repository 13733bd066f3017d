"""How unlike bare lips a face's lips are: portraits that came with lipstick are found by it.

A reference with red lips that is taken for bare teaches a student to leave red lips alone. Nothing
is painted or changed here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tryon.face.regions import region_masks
from tryon.types import REGIONS

DISTANCE = 2.8
"""Standard deviations of natural lips beyond which lips are taken for made up."""

ROUNDS = 6  # of leaving the unlike out and fitting again
LEAST = 50  # texels of lips and of skin that must be seen


def lip_signature(linear: Tensor, seen: Tensor, skin: Tensor) -> Tensor:
    """Colour of the lips relative to that of the skin.

    Args:
        linear: (B, 3, A, A) linear light.
        seen: (B, 1, A, A) visibility, 0..1.
        skin: (B, 1, A, A) how surely skin, 0..1.

    Returns:
        (B, 3) log ratios: redness over green, redness over blue, brightness; NaN where too little
        is seen. Medians, so that a highlight or a tooth does not move them.
    """
    weights = torch.as_tensor(region_masks(linear.shape[-1]).weights)
    lips, cheeks = (weights[..., REGIONS.index(name)] > 0.9 for name in ("lips", "cheeks"))
    found = []
    for picture, visible, likely in zip(linear, seen[:, 0], skin[:, 0], strict=True):
        masks = (lips & (visible > 0.5), cheeks & (visible > 0.5) & (likely > 0.5))
        if min(int(mask.sum()) for mask in masks) < LEAST:
            found.append(torch.full((3,), torch.nan))
            continue
        colours = [picture[:, mask].median(1).values.clamp_min(1e-3) for mask in masks]
        red, green, blue = torch.log(colours[0] / colours[1])
        found.append(torch.stack([red - green, red - blue, (red + green + blue) / 3]))
    return torch.stack(found)


def distance_from_natural(signature: Tensor, ita: Tensor, bare: Tensor) -> Tensor:
    """Mahalanobis distance from natural lips, which vary with the skin's tone.

    Args:
        signature: (N, 3) of `lip_signature`.
        ita: (N,) individual typology angle, deg.
        bare: (N,) bool, faces that are said to be bare; who is unlike the others is left out in
            turn, so that some may be wrong.

    Returns:
        (N,) distances in standard deviations; 0 where there is no signature.
    """
    known = torch.isfinite(signature).all(1)
    values = torch.nan_to_num(signature)
    terms = torch.stack([torch.ones_like(ita), ita / 50], 1)
    natural = bare & known
    distance = torch.zeros_like(ita)
    for _ in range(ROUNDS):
        line = torch.linalg.lstsq(terms[natural], values[natural]).solution
        rest = values - terms @ line
        spread = torch.cov(rest[natural].T) + 1e-6 * torch.eye(3)
        distance = torch.einsum("ni,ij,nj->n", rest, torch.linalg.inv(spread), rest).sqrt()
        distance = torch.where(known, distance, 0.0)
        natural = bare & known & (distance < DISTANCE)
    return distance
