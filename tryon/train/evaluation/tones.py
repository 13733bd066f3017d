"""One style on a person of every skin tone: the pairs by which tones are compared.

Random pairs would compare styles instead: a few bold ones decide a bin's error.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from tryon.face.regions import region_masks
from tryon.train.data import PaintedPairs
from tryon.train.evaluation.painted import PaintedItem, items_of
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.metrics import ITA_BINS, ita_bin
from tryon.train.validation import Predict
from tryon.train.variety import HARD

AHEAD = 0.85  # mean visibility inside the face; 0.92 is usual, 40 degrees of yaw leave 0.77


def _ahead(cache: FaceCache, face: int) -> bool:
    """Whether nearly all of a face is seen."""
    inside = torch.as_tensor(region_masks(cache.size).rim) > 0.5
    return bool(cache.texture[face, 3][inside].float().mean() >= AHEAD * 255)


@torch.no_grad()
def measure(cache: FaceCache, predict: Predict, split: str, styles: int) -> tuple[PaintedItem, ...]:
    """Score a model on styles without foundation, each on one bare person of each tone there is.

    Each wears it from one of the others, in a light of their own. All look about straight ahead: of
    a few people in each tone, one whose face is turned away would decide the tone's error.

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        styles: how many.

    Returns:
        An item for each style and tone; none where fewer than two tones are at hand.
    """
    bare = [int(i) for i in cache.indices(split) if not cache.made_up[i] and _ahead(cache, int(i))]
    tones = [
        torch.tensor(found)
        for name, _ in ITA_BINS
        if (found := [i for i in bare if ita_bin(float(cache.ita[i])) == name])
    ]
    if len(tones) < 2:
        return ()
    data = PaintedPairs(cache, replace(HARD, worn=0, other=0, removed=0), foundation=False)
    rng = torch.Generator().manual_seed(13)
    items: list[PaintedItem] = []
    for _ in range(styles):
        people = torch.cat([one[torch.randint(len(one), (1,), generator=rng)] for one in tones])
        batch = data.one_style(people[torch.randperm(len(people), generator=rng)], 256, rng)
        items += items_of(batch, composite(batch.source, predict(batch.source, batch.reference)))
    return tuple(items)
