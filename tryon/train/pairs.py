"""What a training batch is: painted pairs in the atlas, and the protocol of their source.

The network, losses and loop know only this; who paints the pairs is no business of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """B exact training pairs: a source, and a reference of another person made up."""

    source: Tensor  # (B, 4, A, A) sRGB RGB 0..1 + visibility 0..1
    reference: Tensor  # (B, 4, A, A) sRGB RGB 0..1 + visibility; another face, made up
    affine: Tensor  # (B, 6, A, A) target layer: gain RGB, offset RGB; linear light
    target: Tensor  # (B, 3, A, A) sRGB RGB 0..1: the source wearing the target layer
    regions: Tensor  # (R, A, A) region weights 0..1, in the order of tryon.types.REGIONS
    ita: Tensor  # (B,) skin tone of the source: individual typology angle, degrees
    style: Tensor  # (B,) int64: pairs of one number wear one style
    person: Tensor  # (B,) int64: who the source is
    wearer: Tensor  # (B,) int64: who the reference is, never the source

    def __len__(self) -> int:
        return self.source.shape[0]

    def to(self, device: str) -> PairBatch:
        """The batch on another device."""
        return PairBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def pick(self, which: Tensor | slice) -> PairBatch:
        """Some of the pairs, by index or slice."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return PairBatch(**{k: v if k == "regions" else v[which] for k, v in values.items()})

    def rematched(self, generator: torch.Generator | None = None) -> PairBatch:
        """The batch with each reference replaced by any of the same style on somebody else."""
        fits = (self.style[:, None] == self.style) & (self.person[:, None] != self.wearer)
        # Drawn on the CPU, as the generator is; the pairs may lie anywhere.
        chosen = torch.multinomial(fits.float().cpu(), 1, generator=generator)[:, 0].to(fits.device)
        return replace(self, reference=self.reference[chosen], wearer=self.wearer[chosen])


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
