"""Plain people of all tones, most with lips a little redder than their skin, some with lipstick."""

from __future__ import annotations

import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.substrate import skin_tone
from tryon.face.regions import region_masks
from tryon.train.faces import FaceCache

SIZE, PEOPLE, RED = 128, 70, (5, 17, 40)


def people() -> FaceCache:
    """All of the train split; nobody is said to be made up."""
    rng = torch.Generator().manual_seed(2)
    tone = torch.linspace(0.25, 1.0, PEOPLE)[:, None]
    skin = to_linear(torch.tensor([225.0, 180, 160]) / 255 * tone)
    ratio = torch.tensor([0.75, 0.5, 0.55]) * torch.exp(
        0.05 * torch.randn(PEOPLE, 3, generator=rng)
    )
    ratio[list(RED)] = torch.tensor([0.7, 0.1, 0.14])
    lips = torch.as_tensor(region_masks(SIZE).of("lips"))[None, None] > 0.3
    colour = torch.where(lips, (skin * ratio)[..., None, None], skin[..., None, None])
    inside = brush_fields(SIZE).inside
    packed = torch.cat([to_srgb(colour) * inside, inside.expand(PEOPLE, -1, -1, -1)], 1)
    return FaceCache(
        texture=(255 * packed).round().to(torch.uint8),
        skin=(255 * inside).expand(PEOPLE, -1, -1, -1).to(torch.uint8),
        ita=skin_tone(skin),
        made_up=torch.zeros(PEOPLE, dtype=torch.bool),
        names=tuple(f"{i}.png" for i in range(PEOPLE)),
        splits=("train",) * PEOPLE,
    )
