"""Makeup in poor light: whether lips change with the face, or glow.

The brightness of a face does not tell little light from dark skin, nor its hue warm light from warm
skin, so a student that goes by them paints a dim face as it would a dark one in good light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tryon.cosmetics.pigment import luminance, to_linear, to_srgb
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.face.regions import region_masks
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import measures
from tryon.train.evaluation.painted import bare_people
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.pairs import PairBatch
from tryon.train.validation import Predict
from tryon.train.variety import CALM

STYLES = (MakeupStyle(lips=Lips(0.9, "#a5122a")), MakeupStyle(lips=Lips(0.8, "#b5776a")))

# What is left of red, green and blue.
LIGHTS = {
    "good": (1.0, 1.0, 1.0),
    "half": (0.5, 0.5, 0.5),
    "quarter": (0.25, 0.25, 0.25),
    "eighth": (0.125, 0.125, 0.125),
    "warm": (1.0, 0.74, 0.55),
    "cool": (0.55, 0.74, 1.0),
}


@dataclass(frozen=True, slots=True)
class LightResult:
    """How much brighter lips are than the exact ones, in stops, and their colour, CIEDE2000.

    Means over pairs; 0 is right.
    """

    glow: float  # in good light
    glow_1: float  # in one stop less
    glow_2: float
    glow_3: float
    lip_de: float  # in good light
    lip_de_warm: float
    lip_de_cool: float


def measure(cache: FaceCache, predict: Predict, split: str, pairs: int) -> LightResult:
    """Score a model on a red and a rosy lipstick of bare people in poorer and poorer light.

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        pairs: how many of each style and light, rounded up to whole groups.
    """
    glows: dict[str, list[float]] = {name: [] for name in LIGHTS}
    gaps: dict[str, list[float]] = {name: [] for name in LIGHTS}
    lips = torch.as_tensor(region_masks(256).of("lips")) > 0.9
    for style in STYLES:
        for batch in bare_people(PaintedPairs(cache, CALM, style=style), split, pairs, seed=37):
            for name, light in LIGHTS.items():
                lit = in_light(batch, light)
                with torch.no_grad():
                    worn = composite(lit.source, predict(lit.source, lit.reference))
                for index in range(len(lit)):
                    seen = (lips & (lit.source[index, 3] > 0.5)).numpy()
                    found, exact = worn[index], lit.target[index]
                    glows[name].append(_stops(found, exact, seen))
                    gaps[name].append(measures.region_gap(_rgb(found), _rgb(exact), seen))
    glow = {name: measures.mean(values) for name, values in glows.items()}
    gap = {name: measures.mean(values) for name, values in gaps.items()}
    return LightResult(
        glow=glow["good"],
        glow_1=glow["half"],
        glow_2=glow["quarter"],
        glow_3=glow["eighth"],
        lip_de=gap["good"],
        lip_de_warm=gap["warm"],
        lip_de_cool=gap["cool"],
    )


def in_light(batch: PairBatch, light: tuple[float, float, float]) -> PairBatch:
    """The same pairs with the sources photographed in other light; references stay.

    Args:
        batch: pairs.
        light: what is left of red, green and blue.
    """
    left = torch.tensor(light).view(3, 1, 1)
    colour = to_srgb(to_linear(batch.source[:, :3]) * left)
    affine = torch.cat([batch.affine[:, :3], batch.affine[:, 3:] * left], 1)
    source = torch.cat([colour, batch.source[:, 3:]], 1)
    return replace(batch, source=source, affine=affine, target=composite(source, affine))


def _rgb(picture: Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy()


def _stops(worn: Tensor, exact: Tensor, seen: np.ndarray) -> float:
    """How much brighter the lips are than they should be."""
    if not seen.any():
        return measures.NOTHING
    first, second = (float(luminance(to_linear(p)[None])[0, 0][seen].mean()) for p in (worn, exact))
    return float(np.log2((first + 1e-5) / (second + 1e-5)))
