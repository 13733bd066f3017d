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
