"""Shows each painted batch several times, because on a CPU painting costs more than a step.

Held-out pairs pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import torch

from tryon.train.pairs import PairBatch, PairSource


@dataclass(eq=False)
class Replay:
    """Wraps a `PairSource`: a share of the batches is fresh, the rest comes from a pool.

    Replayed batches are mirrored at random; a fresh one replaces a random one of a full pool.
    """

    source: PairSource
    fresh: float = 0.4  # share of batches painted anew, 0 < fresh <= 1
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
                self._kept[self._draw()] = new
            return new
        kept = self._kept[self._draw()]
        return mirrored(kept) if torch.rand((), generator=self._random) < 0.5 else kept

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The wrapped source's held-out pairs."""
        return self.source.held_out(size)

    def _draw(self) -> int:
        return int(torch.randint(len(self._kept), (), generator=self._random))


def mirrored(batch: PairBatch) -> PairBatch:
    """The batch with left and right exchanged; the atlas and its regions are symmetric."""
    pictures = ("source", "reference", "affine", "target")
    values = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return PairBatch(**{k: v.flip(-1) if k in pictures else v for k, v in values.items()})
