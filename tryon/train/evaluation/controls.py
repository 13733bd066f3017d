"""The controls: does intensity 0 do nothing, more do more, and one region stay in its place?

It asks the session as a user would, with `set_intensity`, and knows no layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tryon.face.regions import region_masks
from tryon.look.look import Look
from tryon.train.evaluation import measures
from tryon.train.evaluation.masks import Mask, core, seen
from tryon.train.evaluation.wearing import Dresser, Worn
from tryon.types import MAX_INTENSITY, REGIONS, UInt8

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, MAX_INTENSITY)
REACH = 3  # texels by which a region grows before paint beside it counts as leaked: resampling
LEAST = 0.2  # mean levels of change below which a region holds too little paint to have a share


@dataclass(frozen=True, slots=True)
class Step:
    """Means over the photos at one intensity."""

    intensity: float
    change: float  # levels inside the face
    lip_de: float  # CIEDE2000 to the reference's lips
    lid_de: float
    drift: float
    gradient: float


@dataclass(frozen=True, slots=True)
class Controls:
    """What the sweeps found."""

    zero_change: float  # levels, largest pixel at intensity 0
    intensity_fall: float  # levels by which more intensity painted less, at most
    leakage: float  # largest share of the paint outside the only region shown
    steps: tuple[Step, ...]


def sweep(pairs: Sequence[tuple[UInt8, Look]], dresser: Dresser) -> Controls:
    """Turn every control on some pictures with some looks.

    Args:
        pairs: pictures of one face each, and what they wear.
        dresser: the session.
    """
    rows: list[list[Step]] = []
    zeros, falls, leaks = [], [], []
    for image, look in pairs:
        shown = [dresser.wear(image, look, value) for value in INTENSITIES]
        worn = [one for one in shown if one is not None]
        if len(worn) < len(INTENSITIES):
            continue
        zeros.append(float(np.abs(worn[0].after.astype(int) - image).max()))
        falls.append(measures.largest_fall([one.change for one in worn]))
        rows.append([_step(v, one, look) for v, one in zip(INTENSITIES, worn, strict=True)])
        for region in REGIONS:
            alone = dresser.wear(image, look, 1.0, region)
            if alone is not None:
                leaks.append(region_leakage(alone, region))
    return Controls(
        measures.largest(zeros), measures.largest(falls), measures.largest(leaks),
        tuple(_mean_step(column) for column in zip(*rows, strict=True)),
    )  # fmt: skip


def region_leakage(worn: Worn, region: str) -> float:
    """Share 0..1 of the paint outside a region that alone is shown; NaN if there is hardly any."""
    face = worn.masks.face
    if not measures.change(worn.bare.colour, worn.painted.colour, face) >= LEAST:
        return measures.NOTHING
    allowed = _grown(region, len(face))
    return measures.leakage(worn.bare.colour, worn.painted.colour, allowed, face)


@cache
def _grown(region: str, size: int) -> Mask:
    """Where a region has any weight, and REACH texels around it."""
    import cv2

    own = (region_masks(size).of(region) > 0).astype(np.uint8)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    return np.asarray(cv2.dilate(own, kernel) > 0)


def _step(intensity: float, worn: Worn, look: Look) -> Step:
    there, masks = look.texture, worn.masks
    lips, lids = (
        measures.region_gap(worn.painted.colour, there.colour, core(seen(own, there.visibility)))
        for own in (masks.lips, masks.lids)
    )
    return Step(
        intensity=intensity,
        change=worn.change,
        lip_de=lips,
        lid_de=lids,
        drift=measures.drift(worn.bare.colour, worn.painted.colour, masks.skin),
        gradient=measures.gradient_correlation(worn.before, worn.after, worn.inside),
    )


def _mean_step(steps: Sequence[Step]) -> Step:
    names = Step.__slots__
    return Step(*(measures.mean([getattr(step, name) for step in steps]) for name in names))
