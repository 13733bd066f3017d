"""Figures by skin tone: sorted, summarised, and compared only where there is enough."""

from dataclasses import fields, replace

import numpy as np
import pytest

from tryon.train.evaluation.fairness import LEAST, measure
from tryon.train.evaluation.painted import PaintedItem
from tryon.train.evaluation.real import RealItem

PAINTED = PaintedItem(**{f.name: 0.01 for f in fields(PaintedItem)})
REAL = RealItem("", "", *[1.0] * (len(fields(RealItem)) - 2))


def row(result, name):
    return next(one for one in result.rows if one.name == name)


def test_the_worst_bin_is_compared_with_the_best():
    items = [replace(REAL, ita=60.0, lip_de=2.0)] * LEAST
    items += [replace(REAL, ita=-50.0, lip_de=3.0)] * LEAST
    result = measure((), items)
    lips = row(result, "real.lip_de")
    assert [(one.tone, one.value, one.samples) for one in lips.bins] == [
        ("very light", 2.0, LEAST), ("dark", 3.0, LEAST),
    ]  # fmt: skip
    assert lips.worst_to_best == 1.5 == result.worst_to_best
    assert row(result, "real.drift").worst_to_best == 1


def test_chance_is_told_from_a_difference():
    rng = np.random.default_rng(3)
    tones = [60.0] * 40 + [-50.0] * 40
    alike = [
        replace(REAL, ita=t, lip_de=d) for t, d in zip(tones, rng.gamma(4, 1, 80), strict=True)
    ]
    lips = row(measure((), alike), "real.lip_de")
    assert 1 < lips.worst_to_best <= lips.chance < 2
    assert measure((), alike).beyond_chance == 1
    unlike = [replace(item, lip_de=item.lip_de * (3 if item.ita < 0 else 1)) for item in alike]
    result = measure((), unlike)
    lips = row(result, "real.lip_de")
    assert lips.worst_to_best > 2 > lips.chance
    assert result.beyond_chance == lips.worst_to_best


def test_a_small_bin_is_shown_but_not_compared():
    items = [replace(REAL, ita=60.0)] * LEAST + [replace(REAL, ita=-50.0, lip_de=9.0)] * (LEAST - 1)
    lips = row(measure((), items), "real.lip_de")
    assert len(lips.bins) == 2
    assert np.isnan(lips.worst_to_best)


def test_squares_are_averaged_before_they_become_decibels():
    items = [replace(PAINTED, ita=0.0, face=0.001), replace(PAINTED, ita=0.0, face=0.199)]
    (only,) = row(measure(items, ()), "painted.psnr_face").bins
    assert only.value == pytest.approx(10.0)


def test_what_was_not_measured_is_left_out():
    nan = float("nan")
    items = [replace(REAL, ita=0.0, lip_de=nan), replace(REAL, ita=nan), replace(REAL, ita=0.0)]
    (only,) = row(measure((), items), "real.lip_de").bins
    assert (only.samples, only.value) == (1, 1.0)
    assert measure((), ()).rows == ()


def test_every_figure_of_both_groups_is_there():
    names = [one.name for one in measure([PAINTED], [REAL]).rows]
    assert {name.split(".")[0] for name in names} == {"painted", "real"}
    assert len(names) == len(set(names)) >= 12
