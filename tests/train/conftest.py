"""A tiny source of exact pairs: smooth faces-to-be and one colour patch per region."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.train.losses import composite
from tryon.train.pairs import PairBatch
from tryon.types import REGIONS


class SyntheticPairs:
    """The same makeup, a colour and a coverage a region, on two different smooth textures."""

    def __init__(self, seed: int = 0) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def _smooth(self, count: int, channels: int, side: int) -> Tensor:
        coarse = torch.rand(count, channels, 4, 4, generator=self.random)
        return F.interpolate(coarse, (side, side), mode="bilinear", align_corners=False)

    def batch(self, size: int, count: int) -> PairBatch:
        rows = torch.arange(size) * len(REGIONS) // size
        regions = F.one_hot(rows, len(REGIONS)).T[:, :, None].expand(-1, -1, size).float()
        colour = torch.rand(count, len(REGIONS), 3, generator=self.random)
        alpha = torch.rand(count, len(REGIONS), 1, generator=self.random)
        offset = torch.einsum("brc,rhw->bchw", colour * alpha, regions)
        gain = 1.0 - torch.einsum("brc,rhw->bchw", alpha.expand(-1, -1, 3), regions)
        affine = torch.cat((gain, offset), 1)
        source, other = (0.2 + 0.6 * self._smooth(count, 3, size) for _ in range(2))
        ones = torch.ones(count, 1, size, size)
        return PairBatch(
            source=torch.cat((source, ones), 1),
            reference=torch.cat((composite(other, affine), ones), 1),
            affine=affine,
            target=composite(source, affine),
            regions=regions,
            ita=torch.linspace(-50, 60, count),
            style=torch.arange(count),
            person=torch.arange(count),
            wearer=torch.arange(count) + 1000,
        )

    def held_out(self, size: int) -> Iterator[PairBatch]:
        yield SyntheticPairs(seed=12345).batch(size, 4)


@pytest.fixture
def pairs() -> SyntheticPairs:
    return SyntheticPairs()
