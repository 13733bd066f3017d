"""What a training batch is: painted pairs in the atlas, and the protocol of their source.

The network, losses and loop know only this; who paints the pairs is no business of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """B exact training pairs: a bare source, and a reference of another person made up."""

    source: Tensor  # (B, 4, A, A) sRGB RGB 0..1 + visibility 0..1; bare face
    reference: Tensor  # (B, 4, A, A) sRGB RGB 0..1 + visibility; another face, made up
    affine: Tensor  # (B, 6, A, A) target layer: gain RGB, offset RGB; linear light
    target: Tensor  # (B, 3, A, A) sRGB RGB 0..1: the source wearing the target layer
    regions: Tensor  # (R, A, A) region weights 0..1, in the order of tryon.types.REGIONS
    ita: Tensor  # (B,) skin tone of the source: individual typology angle, degrees

    def __len__(self) -> int:
        return self.source.shape[0]

    def to(self, device: str) -> PairBatch:
        """The batch on another device."""
        return PairBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def concatenate(batches: Sequence[PairBatch]) -> PairBatch:
    """Several batches of one atlas size as one; the region weights are constants of the atlas."""
    parts = {
        f.name: torch.cat([getattr(batch, f.name) for batch in batches])
        for f in fields(PairBatch)
        if f.name != "regions"
    }
    return PairBatch(**parts, regions=batches[0].regions)


class PairSource(Protocol):
    """Where batches come from."""

    def batch(self, size: int, count: int) -> PairBatch:
        """A fresh random training batch of `count` pairs in a `size`² atlas."""
        ...

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The same held-out pairs at each call: identities and styles never trained on."""
        ...
