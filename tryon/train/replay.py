"""Shows each painted batch several times, because on a CPU painting costs more than a step.

Held-out pairs pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch

from tryon.train.pairs import PairBatch, PairSource, concatenate

MIX = 2
"""Pairs taken from one painted batch at a time: a step sees many styles, though a painting has one
style on several people."""


@dataclass(eq=False)
class Replay:
    """Wraps a `PairSource`: what it paints enters a pool, and batches are mixed from the pool.

    Pairs are matched with other references of the same style and mirrored at random; a fresh
    batch replaces a random one of a full pool.
    """

    source: PairSource
    fresh: float = 0.4  # painted pairs for each pair of a batch, 0 < fresh <= 1
    pool: int = 48  # batches kept; all of one size, dropped when the size changes
    seed: int = 0
    _kept: list[PairBatch] = field(default_factory=list)
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._random = torch.Generator().manual_seed(self.seed)

    def batch(self, size: int, count: int) -> PairBatch:
        """A training batch of `count` pairs in a `size`² atlas."""
        if self._kept and self._kept[0].source.shape[0::3] != (count, size):
            self._kept.clear()
        self._due += self.fresh
        if self._due >= 1.0 or not self._kept:
            self._due = max(0.0, self._due - 1.0)
            new = self.source.batch(size, count)
            if len(self._kept) < self.pool:
                self._kept.append(new)
            else:
                self._kept[self._draw(len(self._kept))] = new
        parts = [self._part(min(MIX, count - done)) for done in range(0, count, MIX)]
        return concatenate(parts)

    def _part(self, count: int) -> PairBatch:
        kept = self._kept[self._draw(len(self._kept))].rematched(self._random)
        part = kept.pick(torch.randperm(len(kept), generator=self._random)[:count])
        return mirrored(part) if self._draw(2) else part

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The wrapped source's held-out pairs."""
        return self.source.held_out(size)

    def _draw(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self._random))


def mirrored(batch: PairBatch) -> PairBatch:
    """The batch with left and right exchanged; the atlas and its regions are symmetric."""
    pictures = ("source", "reference", "affine", "target")
    return replace(batch, **{name: getattr(batch, name).flip(-1) for name in pictures})
