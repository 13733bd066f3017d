"""Figures of merit in the atlas: PSNR inside the makeup, against doing nothing.

Sums are kept, not averages of ratios, so batches of any size add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tryon.train.losses import made_up
from tryon.train.pairs import PairBatch
from tryon.types import REGIONS

ITA_BINS: tuple[tuple[str, float], ...] = (
    ("very light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", float("-inf")),
)
"""Skin-tone bins by individual typology angle: name and exclusive lower bound in degrees."""


def ita_bin(ita: float) -> str:
    """Name of the skin-tone bin of an individual typology angle in degrees."""
    return next(name for name, low in ITA_BINS if ita > low or low == float("-inf"))


@dataclass(frozen=True, slots=True)
class Score:
    """PSNR in dB over the made-up texels of one group, against the target."""

    group: str  # "all", "region:NAME" or "tone:NAME"
    psnr: float  # of the prediction
    psnr_nothing: float  # of the untouched source
    faces: int  # faces with made-up texels in this group

    @property
    def gain(self) -> float:
        """How much better than doing nothing, dB."""
        return self.psnr - self.psnr_nothing


@dataclass(slots=True)
class PsnrMeter:
    """Accumulates squared errors in the makeup mask, by region and by skin tone."""

    _sums: dict[str, Tensor] = field(default_factory=dict)

    def add(self, batch: PairBatch, worn: Tensor) -> None:
        """Count a batch.

        Args:
            batch: the pairs.
            worn: (B, 3, A, A) sRGB 0..1, the source wearing the predicted layer.
        """
        mask = made_up(batch)[:, 0]
        error = (worn - batch.target).square().mean(1)
        nothing = (batch.source[:, :3] - batch.target).square().mean(1)
        for index in range(len(batch)):
            self._count(f"tone:{ita_bin(float(batch.ita[index]))}", mask, error, nothing, index)
            self._count("all", mask, error, nothing, index)
            for region, name in enumerate(REGIONS):
                inside = mask * (batch.regions[region] > 0.5)
                self._count(f"region:{name}", inside, error, nothing, index)

    def _count(self, group: str, mask: Tensor, error: Tensor, nothing: Tensor, index: int) -> None:
        inside = mask[index].double()
        if not bool(inside.any()):
            return
        sums = torch.stack(
            (
                (inside * error[index]).sum(),
                (inside * nothing[index]).sum(),
                inside.sum(),
                inside.new_ones(()),
            )
        ).cpu()
        self._sums[group] = self._sums.get(group, torch.zeros(4, dtype=torch.float64)) + sums

    def scores(self) -> tuple[Score, ...]:
        """One score a group that was seen: all, regions, then skin tones, light to dark."""
        order = ["all", *(f"region:{name}" for name in REGIONS)]
        order += [f"tone:{name}" for name, _ in ITA_BINS]
        return tuple(self._score(group) for group in order if group in self._sums)

    def _score(self, group: str) -> Score:
        error, nothing, texels, faces = self._sums[group].tolist()
        return Score(group, _psnr(error / texels), _psnr(nothing / texels), int(faces))


def _psnr(mean_square: float) -> float:
    return float(-10.0 * torch.log10(torch.tensor(max(mean_square, 1e-10), dtype=torch.float64)))
