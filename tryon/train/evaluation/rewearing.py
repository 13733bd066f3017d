"""Faces that come made up: another style put on over it, and makeup taken off, texel by texel.

Held-out painted pairs again, so the exact answer is known, detail under opaque paint excepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tryon.train.evaluation import measures
from tryon.train.evaluation.masks import atlas_masks
from tryon.train.evaluation.painted import worn_pairs
from tryon.train.faces import FaceCache
from tryon.train.metrics import PsnrMeter
from tryon.train.validation import Predict
from tryon.train.variety import CALM, DataConfig

MADE_UP = replace(CALM, other=1)
REMOVING = replace(MADE_UP, removed=1)
BARE_ALREADY = replace(CALM, removed=4)  # of bare sources a quarter of it: all


@dataclass(frozen=True, slots=True)
class RewearResult:
    """PSNR in dB where something is to change; `nothing` leaves the face as it comes."""

    psnr_other: float  # another style over the one that is worn
    psnr_other_nothing: float
    psnr_removed: float  # everything is to come off
    psnr_removed_nothing: float
    bare_change: float  # levels that removal changes a bare face by


def measure(cache: FaceCache, predict: Predict, split: str, pairs: int) -> RewearResult:
    """Score a model on sources in makeup, at 256² in one light.

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        pairs: how many of each kind.
    """
    other, other_nothing = _psnr(cache, predict, split, replace(MADE_UP, held_out=pairs))
    removed, removed_nothing = _psnr(cache, predict, split, replace(REMOVING, held_out=pairs))
    bare = _bare_change(cache, predict, split, replace(BARE_ALREADY, held_out=pairs))
    return RewearResult(other, other_nothing, removed, removed_nothing, bare)


def _psnr(
    cache: FaceCache, predict: Predict, split: str, config: DataConfig
) -> tuple[float, float]:
    meter = PsnrMeter()
    for batch, worn in worn_pairs(cache, config, predict, split):
        meter.add(batch, worn)
    score = meter.scores()[0]
    return score.psnr, score.psnr_nothing


def _bare_change(cache: FaceCache, predict: Predict, split: str, config: DataConfig) -> float:
    changes = []
    for batch, worn in worn_pairs(cache, config, predict, split):
        for source, after in zip(batch.source, worn, strict=True):
            mask = atlas_masks(256).face & (source[3] > 0.5).numpy()
            before, now = (p.permute(1, 2, 0).numpy() for p in (source[:3], after))
            changes.append(measures.change(before, now, mask))
    return measures.mean(changes)
