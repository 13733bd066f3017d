"""The same figures bin by bin of skin tone: the worst bin against the best.

It measures nothing anew: it sorts what the other groups measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tryon.train.evaluation import measures
from tryon.train.evaluation.painted import PaintedItem
from tryon.train.evaluation.real import RealItem
from tryon.train.metrics import ITA_BINS, ita_bin

LEAST = 8  # samples below which a bin is shown but not compared: chance would decide


@dataclass(frozen=True, slots=True)
class Bin:
    """One figure in one bin of skin tone."""

    tone: str
    value: float
    samples: int  # pairs in which the figure was measured


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over all bins, light to dark."""

    name: str
    bins: tuple[Bin, ...]  # only those with samples
    worst_to_best: float  # >= 1; NaN with fewer than two bins of LEAST samples


@dataclass(frozen=True, slots=True)
class FairnessResult:
    """Every figure by bin."""

    worst_to_best: float  # of the row where bins differ most
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    field: str
    summary: Callable[[Sequence[float]], float] = measures.mean


def _decibel(squares: Sequence[float]) -> float:
    return measures.psnr(measures.mean(squares))


_PAINTED = (
    _Figure("painted.psnr_face", "face", _decibel),
    _Figure("painted.psnr_lips", "lips", _decibel),
    _Figure("painted.psnr_lids", "lids", _decibel),
    _Figure("painted.lip_de", "lip_de"),
    _Figure("painted.lid_de", "lid_de"),
    _Figure("painted.ms_ssim", "ms_ssim"),
    _Figure("painted.gmsd", "gmsd"),
)
_REAL = (
    _Figure("real.lip_de", "lip_de"),
    _Figure("real.lip_de_light", "lip_de_light"),
    _Figure("real.lid_de", "lid_de"),
    _Figure("real.lid_de_light", "lid_de_light"),
    _Figure("real.drift", "drift"),
    _Figure("real.gradient", "gradient"),
)


def measure(painted: Sequence[PaintedItem], real: Sequence[RealItem]) -> FairnessResult:
    """Sort the figures of both groups by the wearer's skin tone; either may be empty."""
    rows = [_row(figure, painted) for figure in _PAINTED if painted]
    rows += [_row(figure, real) for figure in _REAL if real]
    return FairnessResult(measures.largest([row.worst_to_best for row in rows]), tuple(rows))


def _row(figure: _Figure, items: Sequence[PaintedItem] | Sequence[RealItem]) -> Row:
    values: dict[str, list[float]] = defaultdict(list)
    for item in items:
        value = float(getattr(item, figure.field))
        if not (np.isnan(value) or np.isnan(item.ita)):
            values[ita_bin(item.ita)].append(value)
    bins = tuple(
        Bin(tone, figure.summary(values[tone]), len(values[tone]))
        for tone, _ in ITA_BINS
        if tone in values
    )
    compared = [one.value for one in bins if one.samples >= LEAST]
    return Row(figure.name, bins, measures.worst_to_best(compared))
