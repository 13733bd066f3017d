"""Pairs the other way round: a made-up source and a bare reference, the makeup to be taken off.

So the teacher that applies makeup also removes it, with no network of its own for that.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tryon.cosmetics.pigment import to_linear
from tryon.train.losses import made_up
from tryon.train.pairs import PairBatch

LEAST_GAIN = 0.25
"""Paint that lets less than this through hides the skin's detail for good."""


def with_removal(batch: PairBatch, share: float, rng: torch.Generator) -> PairBatch:
    """Exchange source and target of some pairs.

    Args:
        batch: pairs.
        share: of pairs that are exchanged, where it can be done: the source must be bare, and
            another bare person be in the batch to refer to.
        rng: draws which.

    Returns:
        As many pairs; the layer of an exchanged one takes the makeup off.
    """
    bare = made_up(batch).flatten(1).any(1)  # else it wore the makeup already, or there is none
    fits = bare & (batch.person[:, None] != batch.person)
    draw = torch.rand(len(batch), generator=rng, device=rng.device).to(bare.device) < share
    swapped = draw & bare & fits.any(1)
    other = fits.float().argmax(1)
    worn = torch.cat((batch.target, batch.source[:, 3:]), 1)
    light, painted = to_linear(batch.source[:, :3]), to_linear(batch.target)
    gain = 1 / batch.affine[:, :3].clamp_min(LEAST_GAIN)
    bare_again = torch.cat((gain, light - gain * painted), 1)

    def either(there: Tensor, here: Tensor) -> Tensor:
        return torch.where(swapped.view(-1, *[1] * (here.ndim - 1)), there, here)

    return replace(
        batch,
        source=either(worn, batch.source),
        target=either(batch.source[:, :3], batch.target),
        affine=either(bare_again, batch.affine),
        reference=either(batch.source[other], batch.reference),
        wearer=either(batch.person[other], batch.wearer),
    )
