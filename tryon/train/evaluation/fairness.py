"""The same figures bin by bin of skin tone: the worst bin against the best.

It measures nothing anew: it sorts what the other groups measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tryon.train.evaluation import measures
from tryon.train.evaluation.painted import PaintedItem
from tryon.train.evaluation.real import RealItem
from tryon.train.metrics import ITA_BINS, ita_bin

LEAST = 8  # samples below which a bin is shown but not compared: chance would decide
_DRAWS = 200  # of tones shuffled among the samples


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
    chance: float  # what tones that mean nothing, shuffled, stay below 95 times in 100


@dataclass(frozen=True, slots=True)
class FairnessResult:
    """Every figure by bin."""

    worst_to_best: float  # of the row where bins differ most
    chance: float  # of the row where chance alone may differ most
    beyond_chance: float  # worst_to_best of those rows that exceed their chance; 1 if none does
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
    found = [row.worst_to_best for row in rows]
    sure = [row.worst_to_best for row in rows if row.worst_to_best > row.chance]
    return FairnessResult(
        measures.largest(found),
        measures.largest([row.chance for row in rows]),
        measures.largest(sure) if sure else measures.largest([min(x, 1.0) for x in found]),
        tuple(rows),
    )


def _row(figure: _Figure, items: Sequence[PaintedItem] | Sequence[RealItem]) -> Row:
    known = [
        (ita_bin(item.ita), value)
        for item in items
        if not np.isnan(value := float(getattr(item, figure.field))) and not np.isnan(item.ita)
    ]
    tones, values = (np.array(column) for column in zip(*known, strict=True)) if known else _NOBODY
    bins = _bins(figure, tones, values)
    rng = np.random.default_rng(0)
    drawn = [_ratio(_bins(figure, rng.permutation(tones), values)) for _ in range(_DRAWS)]
    return Row(figure.name, bins, _ratio(bins), float(np.quantile(drawn, 0.95)))


_NOBODY = (np.array([], str), np.array([], float))


def _bins(figure: _Figure, tones: NDArray[np.str_], values: NDArray[np.float64]) -> tuple[Bin, ...]:
    return tuple(
        Bin(tone, figure.summary(values[there].tolist()), int(there.sum()))
        for tone, _ in ITA_BINS
        if (there := tones == tone).any()
    )


def _ratio(bins: Sequence[Bin]) -> float:
    return measures.worst_to_best([one.value for one in bins if one.samples >= LEAST])
