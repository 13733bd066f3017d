"""Difference, not complexion: what a reference's own skin puts onto a face.

A bare reference should change nothing, and one makeup taken from two skins should be one.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from tryon.train.data import PaintedPairs
from tryon.train.disturb import complete_by_symmetry
from tryon.train.evaluation import measures
from tryon.train.evaluation.masks import Mask, atlas_masks, worn_there
from tryon.train.faces import FaceCache
from tryon.train.losses import composite, made_up
from tryon.train.validation import Predict
from tryon.train.variety import CALM, HARD

OTHER_TONE = 15.0  # deg of typology angle between two references of "different skin tones"


@torch.no_grad()
def bare_changes(cache: FaceCache, predict: Predict, split: str, pairs: int) -> list[float]:
    """What the second person of a batch, bare, changes as a reference on the first: levels.

    Each is in a light of their own; nothing is in front of them, which would be read as makeup.
    """
    changes = []
    plain = replace(HARD, occluded=0, worn=0, held_out=pairs)
    for batch in PaintedPairs(cache, plain, foundation=False).held_out(256, split):
        if len(batch) < 2:
            continue
        source, reference = batch.source[:1], complete_by_symmetry(batch.source[1:2])
        worn = composite(source, predict(source, reference).float())
        mask: Mask = atlas_masks(256).face & (source[0, 3] > 0.5).numpy()
        before, after = (p[0].permute(1, 2, 0).numpy() for p in (source[:, :3], worn))
        changes.append(measures.change(before, after, mask))
    return changes


@torch.no_grad()
def same_lips(cache: FaceCache, predict: Predict, split: str, pairs: int) -> list[float]:
    """CIEDE2000 between the lips one wearer gets from two people who wear one style."""
    gaps = []
    data = PaintedPairs(cache, replace(CALM, held_out=pairs), foundation=False)
    for batch in data.held_out(256, split):
        tones = cache.ita[batch.wearer]
        if len(batch) < 2 or abs(float(tones[0] - tones[1])) < OTHER_TONE:
            continue
        mask = atlas_masks(256).lips & (batch.source[0, 3] > 0.5).numpy()
        if not worn_there(mask, made_up(batch)[0, 0].numpy() > 0):
            continue
        source = batch.source[:1].expand(2, -1, -1, -1)
        worn = composite(source, predict(source, batch.reference[:2]).float())
        first, second = worn.permute(0, 2, 3, 1).numpy()
        gaps.append(measures.region_gap(first, second, mask))
    return gaps
