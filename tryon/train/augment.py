"""Two views of the same makeup: shapes are bent, turned and cut so that nobody is known by them.

Colour is never touched, because colour is makeup.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def bent_view(pictures: Tensor, rng: torch.Generator, amount: float = 1.0) -> Tensor:
    """A random view of each picture.

    Args:
        pictures: (B, C, S, S) in 0..1.
        rng: on the pictures' device.
        amount: of everything; 0 leaves the pictures as they are.

    Returns:
        (B, C, S, S): mirrored at random; turned by up to 30 degrees, shifted by a fifth, zoomed
        by 0.7 to 1.4 (of which crops); bent smoothly; half of them noisy or soft.
    """
    count, _, side, _ = pictures.shape
    device = pictures.device

    def spread(*shape: int) -> Tensor:
        return amount * (2 * torch.rand(shape, generator=rng, device=device) - 1)

    angle = spread(count) * math.pi / 6
    zoom = torch.exp(spread(count) * math.log(1.4))
    mirror = torch.where(spread(count) < 0, -1.0, 1.0)
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    shift = 0.2 * spread(count, 2)
    theta = torch.stack(
        (cosine * mirror, -sine, shift[:, 0], sine * mirror, cosine, shift[:, 1]), 1
    ).view(count, 2, 3)
    grid = F.affine_grid(theta, [count, 1, side, side], align_corners=False)
    for cells, bend in ((4, 0.05), (10, 0.02)):  # the second is finer than a feature of the face
        waves = amount * torch.randn((count, 2, cells, cells), generator=rng, device=device)
        smooth = F.interpolate(waves, (side, side), mode="bicubic", align_corners=False)
        grid = grid + bend * smooth.permute(0, 2, 3, 1)
    view = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    noise = torch.randn(view.shape, generator=rng, device=device) * 0.03 * amount
    small = F.interpolate(view, scale_factor=0.4, mode="area")
    soft = F.interpolate(small, (side, side), mode="bilinear", align_corners=False)
    which = torch.rand((count, 1, 1, 1), generator=rng, device=device) / max(amount, 1e-6)
    return torch.where(which < 0.25, view + noise, torch.where(which < 0.5, soft, view)).clamp(0, 1)
