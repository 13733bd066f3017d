"""Held-out painted pairs: a model's layer against the exact one, texel by texel.

Identities and styles are never trained on; nothing here goes through a camera or a session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tryon.train.data import GROUP, PaintedPairs
from tryon.train.evaluation import measures
from tryon.train.evaluation.complexion import bare_changes, same_lips
from tryon.train.evaluation.masks import atlas_masks, worn_there
from tryon.train.evaluation.perceptual import Lpips
from tryon.train.evaluation.structure import gmsd, ms_ssim
from tryon.train.faces import FaceCache
from tryon.train.losses import composite, made_up
from tryon.train.metrics import PsnrMeter
from tryon.train.pairs import PairBatch
from tryon.train.validation import Predict
from tryon.train.variety import HARD, DataConfig


@dataclass(frozen=True, slots=True)
class PaintedItem:
    """One pair; mean squares are of sRGB 0..1, differences CIEDE2000, NaN where unknown."""

    ita: float  # of the wearer
    face: float  # mean square inside the face
    face_nothing: float  # the same of the untouched source
    lips: float
    lips_nothing: float
    lids: float
    lids_nothing: float
    lip_de: float  # between the mean colours, where the style paints lips
    lid_de: float
    lip_shown: float  # exact lips against the reference's, as each picture shows them: a floor
    lid_shown: float
    ms_ssim: float
    gmsd: float
    lpips: float


@dataclass(frozen=True, slots=True)
class PaintedResult:
    """PSNR in dB of the mean square over all pairs; the others are means over pairs.

    `each_*` are means of the pairs' own PSNR, as papers give them: one pair that fails wholly
    weighs less. `answer_*` are of references that show the answer itself, the wearer in the
    makeup: what stays between them and perfection is the model's, what they gain is what another
    person in another light cannot tell.
    """

    pairs: int
    psnr_face: float  # styles without foundation
    psnr_face_nothing: float  # doing nothing
    psnr_lips: float
    psnr_lips_nothing: float
    psnr_lids: float
    psnr_lids_nothing: float
    each_face: float
    each_lips: float  # of styles that paint lips
    each_lids: float
    answer_face: float  # styles without foundation
    answer_lips: float
    answer_lids: float
    psnr_made_up: float  # only texels that the style changes
    psnr_made_up_nothing: float
    psnr_face_foundation: float  # styles with foundation
    psnr_lips_foundation: float
    psnr_lids_foundation: float
    lip_de: float
    lid_de: float
    lip_shown: float
    lid_shown: float
    ms_ssim: float
    gmsd: float
    lpips: float
    same_lips_de: float  # one style, two references of different skin tones, one wearer
    same_lips_worst: float
    bare_change: float  # levels, by references without makeup in any light
    bare_change_worst: float
    items: tuple[PaintedItem, ...]


def measure(
    cache: FaceCache, predict: Predict, split: str, pairs: int, lpips: Lpips | None = None
) -> PaintedResult:
    """Score a model on painted pairs of one split at 256².

    Args:
        cache: the faces.
        predict: the model.
        split: val or test.
        pairs: how many of each kind.
        lpips: tells how unalike two pictures look; None leaves that out.
    """
    items: list[PaintedItem] = []
    meter = PsnrMeter()
    for batch, worn in worn_pairs(
        cache, replace(HARD, held_out=pairs), predict, split, foundation=False
    ):
        meter.add(batch, worn)
        items += items_of(batch, worn, lpips)
    made_up_score = meter.scores()[0]
    full = _measured(cache, predict, split, pairs, foundation=True)
    told = _measured(cache, predict, split, pairs, answer=True)
    lips = same_lips(cache, predict, split, pairs)
    bare = bare_changes(cache, predict, split, pairs)
    return PaintedResult(
        pairs=len(items),
        psnr_face=_psnr(items, "face"),
        psnr_face_nothing=_psnr(items, "face_nothing"),
        psnr_lips=_psnr(items, "lips"),
        psnr_lips_nothing=_psnr(items, "lips_nothing"),
        psnr_lids=_psnr(items, "lids"),
        psnr_lids_nothing=_psnr(items, "lids_nothing"),
        each_face=_each(items, "face"),
        each_lips=_each(items, "lips"),
        each_lids=_each(items, "lids"),
        answer_face=_psnr(told, "face"),
        answer_lips=_psnr(told, "lips"),
        answer_lids=_psnr(told, "lids"),
        psnr_made_up=made_up_score.psnr,
        psnr_made_up_nothing=made_up_score.psnr_nothing,
        psnr_face_foundation=_psnr(full, "face"),
        psnr_lips_foundation=_psnr(full, "lips"),
        psnr_lids_foundation=_psnr(full, "lids"),
        lip_de=measures.mean([item.lip_de for item in items]),
        lid_de=measures.mean([item.lid_de for item in items]),
        lip_shown=measures.mean([item.lip_shown for item in items]),
        lid_shown=measures.mean([item.lid_shown for item in items]),
        ms_ssim=measures.mean([item.ms_ssim for item in items]),
        gmsd=measures.mean([item.gmsd for item in items]),
        lpips=measures.mean([item.lpips for item in items]),
        same_lips_de=measures.mean(lips),
        same_lips_worst=measures.largest(lips),
        bare_change=measures.mean(bare),
        bare_change_worst=measures.largest(bare),
        items=tuple(items),
    )


def _measured(
    cache: FaceCache,
    predict: Predict,
    split: str,
    pairs: int,
    *,
    foundation: bool = False,
    answer: bool = False,
) -> list[PaintedItem]:
    config = replace(HARD, held_out=pairs)
    worn = worn_pairs(cache, config, predict, split, foundation, answer)
    return [item for pair in worn for item in items_of(*pair)]


def _psnr(items: list[PaintedItem], name: str) -> float:
    return measures.psnr(measures.mean([getattr(item, name) for item in items]))


def _each(items: list[PaintedItem], name: str) -> float:
    """Mean of the pairs' own PSNR, where the style paints there (colours have an error)."""
    painted = {"lips": "lip_de", "lids": "lid_de"}.get(name, name)
    chosen = [item for item in items if not np.isnan(getattr(item, painted))]
    return measures.mean([measures.psnr(getattr(item, name)) for item in chosen])


@torch.no_grad()
def worn_pairs(
    cache: FaceCache,
    config: DataConfig,
    predict: Predict,
    split: str,
    foundation: bool = True,
    answer: bool = False,
) -> Iterator[tuple[PairBatch, Tensor]]:
    """Batches, and their sources wearing what the model says; `answer` is told as reference."""
    for batch in PaintedPairs(cache, config, foundation=foundation).held_out(256, split):
        if answer:
            batch = replace(batch, reference=torch.cat([batch.target, batch.source[:, 3:]], 1))
        yield batch, composite(batch.source, predict(batch.source, batch.reference).float())


def bare_people(pairs: PaintedPairs, split: str, count: int, seed: int) -> Iterator[PairBatch]:
    """Groups of bare people of a split, each in one style at 256²; the same at each call.

    Args:
        pairs: what makes them.
        split: val or test.
        count: how many pairs, rounded up to whole groups of `GROUP`.
        seed: of who is drawn.
    """
    cache, rng = pairs.cache, torch.Generator().manual_seed(seed)
    bare = torch.tensor([i for i in cache.indices(split).tolist() if not cache.made_up[i]])
    for _ in range(0, count, GROUP):
        who = bare[torch.randperm(len(bare), generator=rng)[:GROUP]]
        yield pairs.one_style(who, 256, rng)


def items_of(batch: PairBatch, worn: Tensor, lpips: Lpips | None = None) -> Iterator[PaintedItem]:
    """What each pair of a batch came to, given the sources as the model made them up."""
    masks = atlas_masks(batch.source.shape[-1])
    visible = batch.source[:, 3] > 0.5
    weight = torch.from_numpy(masks.face) & visible
    likeness = ms_ssim(worn, batch.target, weight[:, None].float())
    deviation = gmsd(worn, batch.target, weight[:, None].float())
    unlike = torch.full((len(batch),), measures.NOTHING)
    if lpips:
        unlike = lpips(*(picture * weight[:, None] for picture in (worn, batch.target)))
    changed = made_up(batch)[:, 0] > 0
    for index in range(len(batch)):
        source, target, output = (
            picture[index].permute(1, 2, 0).numpy()
            for picture in (batch.source[:, :3], batch.target, worn)
        )
        reference = batch.reference[index, :3].permute(1, 2, 0).numpy()
        told = (batch.reference[index, 3] > 0.5).numpy()
        seen, made = visible[index].numpy(), changed[index].numpy()
        face, lips, lids = (mask & seen for mask in (masks.face, masks.lips, masks.lids))
        yield PaintedItem(
            ita=float(batch.ita[index]),
            face=measures.mean_square(output, target, face),
            face_nothing=measures.mean_square(source, target, face),
            lips=measures.mean_square(output, target, lips),
            lips_nothing=measures.mean_square(source, target, lips),
            lids=measures.mean_square(output, target, lids),
            lids_nothing=measures.mean_square(source, target, lids),
            lip_de=measures.region_gap(output, target, lips & worn_there(lips, made)),
            lid_de=measures.region_gap(output, target, lids & worn_there(lids, made)),
            lip_shown=measures.region_gap(target, reference, lips & told & worn_there(lips, made)),
            lid_shown=measures.region_gap(target, reference, lids & told & worn_there(lids, made)),
            ms_ssim=float(likeness[index]),
            gmsd=float(deviation[index]),
            lpips=float(unlike[index]),
        )
