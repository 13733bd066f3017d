"""Figures of merit as pure functions of pictures and masks; levels are those of 8-bit sRGB.

Nothing here knows a network, a face or a file; a figure over no samples is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tryon.cosmetics.colours import ciede2000, cielab_of
from tryon.kernels.colour import srgb_to_linear

Floats = NDArray[np.float64]
Picture = NDArray[np.generic]  # (H, W, 3) sRGB: uint8, or float 0..1
Mask = NDArray[np.bool_]
NOTHING = float("nan")
EPSILON = 1e-10  # mean square at which PSNR stops growing: 100 dB


def levels(picture: Picture) -> Floats:
    """A picture as float levels 0..255."""
    scale = 1.0 if picture.dtype == np.uint8 else 255.0
    return np.asarray(picture, np.float64) * scale


def psnr(mean_square: float) -> float:
    """Decibels of a mean squared error of values in 0..1; 100 at most."""
    if np.isnan(mean_square):
        return NOTHING
    return float(-10.0 * np.log10(max(mean_square, EPSILON)))


def mean_square(first: Picture, second: Picture, mask: Mask) -> float:
    """Mean squared difference under a mask, of values in 0..1."""
    if not mask.any():
        return NOTHING
    return float(np.square((levels(first[mask]) - levels(second[mask])) / 255.0).mean())


def region_colour(picture: Picture, mask: Mask, least: int = 16) -> Floats:
    """Mean colour of a region in linear light, (3,); NaN where fewer than `least` samples are.

    Light is averaged, not levels: that is what an eye far away would see.
    """
    if int(mask.sum()) < least:
        return np.full(3, NOTHING)
    return np.asarray(srgb_to_linear(levels(picture[mask]) / 255.0).mean(0))


def colour_gap(first: Floats, second: Floats) -> float:
    """CIEDE2000 between two linear RGB colours (3,); NaN if either is unknown."""
    if not np.isfinite([*first, *second]).all():
        return NOTHING
    return float(ciede2000(*(cielab_of(np.clip(c, 0.0, 1.0)) for c in (first, second))))


def region_gap(first: Picture, second: Picture, mask: Mask) -> float:
    """CIEDE2000 between the mean colours that two pictures have in a region."""
    return colour_gap(region_colour(first, mask), region_colour(second, mask))


def skin_colour(picture: Picture, mask: Mask) -> Floats:
    """Median colour of a region in linear light, (3,): a fringe or a shadow does not move it."""
    if not mask.any():
        return np.full(3, NOTHING)
    return np.asarray(np.median(srgb_to_linear(levels(picture[mask]) / 255.0), axis=0))


def under_light(colour: Floats, skin_there: Floats, skin_here: Floats) -> Floats:
    """A colour of one photo as it would look under the light of another.

    The ratio of the skins is taken for the ratio of the lights, channel by channel (von Kries).
    It is exact for one person in two lights. Between people it also takes the difference of
    complexion for light, so the truth lies between this and the raw colour.

    Args:
        colour: (3,) linear RGB in the photo there.
        skin_there: (3,) linear RGB of bare skin in that photo.
        skin_here: (3,) the same in the photo here.

    Returns:
        (3,) linear RGB, not clipped.
    """
    return np.asarray(colour * skin_here / np.maximum(skin_there, 1e-4))


def drift(before: Picture, after: Picture, mask: Mask) -> float:
    """Mean CIEDE2000 from sample to sample: every sample counts, nothing cancels out."""
    if not mask.any():
        return NOTHING
    labs = [cielab_of(srgb_to_linear(levels(p[mask]) / 255.0)) for p in (before, after)]
    return float(ciede2000(*labs).mean())


def change(before: Picture, after: Picture, mask: Mask) -> float:
    """Mean absolute difference in levels under a mask."""
    if not mask.any():
        return NOTHING
    return float(np.abs(levels(after[mask]) - levels(before[mask])).mean())


def gradient_correlation(before: Picture, after: Picture, mask: Mask) -> float:
    """Pearson correlation of the luma gradients: 1 where every line and pore is kept.

    Args:
        before: (H, W, 3).
        after: (H, W, 3).
        mask: (H, W); its border is left out, where the neighbours do not belong to it.
    """
    inner = mask[1:-1, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2] & mask[2:, 1:-1] & mask[:-2, 1:-1]
    if not inner.any():
        return NOTHING
    series: list[Floats] = []
    for picture in (before, after):
        luma = levels(picture) @ np.array([0.299, 0.587, 0.114])
        across, down = luma[1:-1, 2:] - luma[1:-1, :-2], luma[2:, 1:-1] - luma[:-2, 1:-1]
        series.append(np.concatenate([across[inner], down[inner]]))
    first, second = (part - part.mean() for part in series)
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / scale if scale else NOTHING


def energy(before: Picture, after: Picture, mask: Mask) -> float:
    """Sum of absolute differences in levels under a mask: how much paint lies there."""
    return float(np.abs(levels(after[mask]) - levels(before[mask])).sum())


def leakage(before: Picture, after: Picture, allowed: Mask, everywhere: Mask) -> float:
    """Share 0..1 of the paint that lies outside the region it was asked for."""
    total = energy(before, after, everywhere)
    return energy(before, after, everywhere & ~allowed) / total if total else NOTHING


def largest_fall(values: Sequence[float]) -> float:
    """By how much a series that ought to rise falls at most from one value to the next; >= 0."""
    return max((max(0.0, a - b) for a, b in pairwise(values)), default=0.0)


def worst_to_best(values: Sequence[float]) -> float:
    """Largest value over smallest, at least 1; NaN below two values or if one is not positive."""
    if len(values) < 2 or not min(values) > 0:
        return NOTHING
    return max(values) / min(values)


def mean(values: Sequence[float]) -> float:
    """Mean of what was measured; NaN if nothing was."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else NOTHING


def largest(values: Sequence[float]) -> float:
    """Largest of what was measured; NaN if nothing was."""
    known = [value for value in values if not np.isnan(value)]
    return max(known) if known else NOTHING
