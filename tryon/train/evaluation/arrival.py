"""How much of known eye makeup arrives: a wing, everyday makeup, one shadow, smoky eyes.

PSNR hardly sees thin makeup that is left out, so the exact change itself is the yardstick: the
share is the projection <change, exact change> / |exact change|^2 over the texels around the eyes
of all pairs, so that eyes behind glasses, where nothing is to change, count nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.style import Eyeshadow, Lashes, Liner, MakeupStyle
from tryon.train.data import PaintedPairs
from tryon.train.evaluation.painted import bare_people
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.validation import Predict
from tryon.train.variety import CALM

WING = MakeupStyle(liner=Liner(0.95, thickness=0.25, wing=0.5))
EVERYDAY = MakeupStyle(
    eyeshadow=Eyeshadow(
        0.45, lid="#8a6248", crease="#5a3a2a", crease_opacity=0.4, layout="gradient"
    ),
    liner=Liner(0.8, thickness=0.12, wing=0.15),
    lashes=Lashes(0.8),
)
SHADOW = MakeupStyle(
    eyeshadow=Eyeshadow(
        0.6, lid="#7d5a66", crease="#5a3f4a", crease_opacity=0.5, height=0.7, layout="gradient"
    )
)
SMOKY = MakeupStyle(
    eyeshadow=Eyeshadow(
        0.85, lid="#3a3236", outer="#1a1416", outer_opacity=0.8,
        lower="#2a2226", lower_opacity=0.6, height=0.7, layout="smoky",
    ),
    liner=Liner(0.9, thickness=0.3),
)  # fmt: skip
REMOVED = replace(CALM, worn=1, removed=1)


@dataclass(frozen=True, slots=True)
class ArrivalResult:
    """Shares of the exact change, 1 is all of it; pooled over pairs of held-out people."""

    wing: float
    everyday: float
    shadow: float
    smoky: float
    smoky_off: float  # of smoky eyes that are to come off


def measure(cache: FaceCache, predict: Predict, split: str, pairs: int) -> ArrivalResult:
    """Score a model on known eye makeup of bare people, at 256² in one light.

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        pairs: how many of each style, rounded up to whole groups.
    """

    def share(style: MakeupStyle, off: bool = False) -> float:
        source = PaintedPairs(cache, REMOVED if off else CALM, style=style)
        products = list(_products(source, predict, split, pairs))
        return sum(p for p, _ in products) / max(sum(q for _, q in products), 1e-9)

    return ArrivalResult(
        wing=share(WING),
        everyday=share(EVERYDAY),
        shadow=share(SHADOW),
        smoky=share(SMOKY),
        smoky_off=share(SMOKY, off=True),
    )


def _products(
    pairs: PaintedPairs, predict: Predict, split: str, count: int
) -> Iterator[tuple[float, float]]:
    """The change times the exact one, and the exact one times itself, of each pair."""
    for batch in bare_people(pairs, split, count, seed=31):
        with torch.no_grad():
            worn = composite(batch.source, predict(batch.source, batch.reference))
        for source, target, after in zip(batch.source, batch.target, worn, strict=True):
            there = (_around_eyes() & (source[3] > 0.5)).expand(3, -1, -1)
            exact, found = ((p - source[:3])[there] for p in (target, after))
            yield float((exact * found).sum()), float(exact.square().sum())


@lru_cache(maxsize=1)
def _around_eyes() -> Tensor:
    """(256, 256) bool: lids, lash lines and where a wing goes."""
    f = brush_fields(256)
    near = (f.lid < 0.9) | (f.lower_lash < 0.4)
    beside = (f.along > -0.1) & (f.along < 1.5)
    return (near & beside & (f.paintable > 0.5) & (f.below_brow > 0.3))[0, 0]
