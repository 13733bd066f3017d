"""Makeup in little light: whether lips get dark with the face, or glow.

The brightness of a face does not tell little light from dark skin, so a student that goes by it
paints a dim face as it would a dark one in good light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tryon.cosmetics.pigment import luminance, to_linear, to_srgb
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.face.regions import region_masks
from tryon.train.data import GROUP, PaintedPairs
from tryon.train.evaluation import measures
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.pairs import PairBatch
from tryon.train.validation import Predict
from tryon.train.variety import CALM

STYLES = (MakeupStyle(lips=Lips(0.9, "#a5122a")), MakeupStyle(lips=Lips(0.8, "#b5776a")))


@dataclass(frozen=True, slots=True)
class LightResult:
    """How much brighter lips are than the exact ones, in stops: means over pairs; 0 is right."""

    glow: float  # in good light
    glow_1: float  # in one stop less
    glow_2: float
    glow_3: float


def measure(cache: FaceCache, predict: Predict, split: str, pairs: int) -> LightResult:
    """Score a model on a red and a rosy lipstick of bare people, in less and less light.

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        pairs: how many of each style and light, rounded up to whole groups of `GROUP`.
    """
    found: dict[int, list[float]] = {stops: [] for stops in range(4)}
    bare = torch.tensor([i for i in cache.indices(split).tolist() if not cache.made_up[i]])
    for style in STYLES:
        source, rng = PaintedPairs(cache, CALM, style=style), torch.Generator().manual_seed(37)
        for _ in range(0, pairs, GROUP):
            who = bare[torch.randperm(len(bare), generator=rng)[:GROUP]]
            batch = source.one_style(who, 256, rng)
            for stops, glows in found.items():
                glows += _glows(in_less_light(batch, stops), predict)
    return LightResult(*(measures.mean(found[stops]) for stops in range(4)))


def in_less_light(batch: PairBatch, stops: float) -> PairBatch:
    """The same pairs with the sources photographed in so much less light; references stay."""
    light = to_linear(batch.source[:, :3]) * 2**-stops
    affine = torch.cat([batch.affine[:, :3], batch.affine[:, 3:] * 2**-stops], 1)
    source = torch.cat([to_srgb(light), batch.source[:, 3:]], 1)
    return replace(batch, source=source, affine=affine, target=composite(source, affine))


@torch.no_grad()
def _glows(batch: PairBatch, predict: Predict) -> list[float]:
    worn = composite(batch.source, predict(batch.source, batch.reference))
    lips = torch.as_tensor(region_masks(batch.source.shape[-1]).of("lips")) > 0.9

    def bright(picture: Tensor) -> Tensor:
        seen = (lips & (batch.source[:, 3] > 0.5)).float()
        lit = luminance(to_linear(picture))[:, 0]
        return (lit * seen).sum((1, 2)) / seen.sum((1, 2)).clamp_min(1) + 1e-5

    return torch.log2(bright(worn) / bright(batch.target)).tolist()
