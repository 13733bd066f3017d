"""What stays unpainted: things drawn in front of faces, photos with glasses, and what they keep.

Drawn occluders have an exact mask, photos have none: of those only the eyes behind sunglasses are
measured, the rest is for the contact sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tryon.look.look import Look
from tryon.train.evaluation import measures
from tryon.train.evaluation.masks import seen
from tryon.train.evaluation.occluders import OCCLUDERS
from tryon.train.evaluation.photos import Photo
from tryon.train.evaluation.wearing import Dresser, Worn, read_picture
from tryon.types import UInt8


@dataclass(frozen=True, slots=True)
class Leak:
    """One kind of occluder; shares of the paint of all pictures together."""

    occluder: str
    leak: float  # paint on the occluder, of all the paint the faces wear without it
    kept: float  # the same, of the paint that would lie there without it; 1: nothing noticed
    pictures: int


@dataclass(frozen=True, slots=True)
class OcclusionResult:
    """Shares 0..1."""

    leak: float  # mean over the occluders
    leak_worst: float  # of the worst occluder
    kept: float  # mean over the occluders
    sunglasses: float  # paint over the eyes behind real sunglasses, of what bare eyes get
    sunglasses_photos: int
    occluders: tuple[Leak, ...]


def measure(
    pictures: Sequence[tuple[UInt8, Look]],
    awkward: Sequence[Photo],
    looks: Sequence[Look],
    dresser: Dresser,
) -> OcclusionResult:
    """Put things in front of faces and see what is painted on them.

    Args:
        pictures: faces with nothing in front, and what each wears.
        awkward: photos whose notes may say sunglasses.
        looks: to wear on those.
        dresser: the session.
    """
    clean = [
        (image, look, worn)
        for image, look in pictures
        if (worn := dresser.wear(image, look)) is not None
    ]
    leaks = tuple(_leak(name, clean, dresser) for name in OCCLUDERS)
    behind = [p for p in awkward if "sunglasses" in p.notes]
    share, count = _sunglasses(clean, behind, looks, dresser)
    return OcclusionResult(
        leak=measures.mean([leak.leak for leak in leaks]),
        leak_worst=measures.largest([leak.leak for leak in leaks]),
        kept=measures.mean([leak.kept for leak in leaks]),
        sunglasses=share,
        sunglasses_photos=count,
        occluders=leaks,
    )


def paint_on(name: str, worn: Worn, look: Look, dresser: Dresser) -> tuple[float, float, float]:
    """Paint on one occluder, under it, and on the whole face: sums of levels.

    Args:
        name: of OCCLUDERS.
        worn: the face with nothing in front; tells what would lie under it, and on the whole.
        look: what is worn.
        dresser: the session.

    Returns:
        The three sums. A face that is lost behind the occluder is not painted at all: 0 on it.
    """
    hidden = OCCLUDERS[name](worn.before, worn.face)
    over = dresser.wear(hidden.image, look)
    return (
        0.0 if over is None else measures.energy(over.before, over.after, hidden.mask),
        measures.energy(worn.before, worn.after, hidden.mask & worn.inside),
        measures.energy(worn.before, worn.after, worn.inside),
    )


def _leak(name: str, clean: Sequence[tuple[UInt8, Look, Worn]], dresser: Dresser) -> Leak:
    sums = np.sum([paint_on(name, worn, look, dresser) for _, look, worn in clean], axis=0)
    on_it, under, everywhere = sums if len(clean) else (0.0, 0.0, 0.0)
    return Leak(
        occluder=name,
        leak=float(on_it / everywhere) if everywhere else measures.NOTHING,
        kept=float(on_it / under) if under else measures.NOTHING,
        pictures=len(clean),
    )


def _sunglasses(
    clean: Sequence[tuple[UInt8, Look, Worn]],
    photos: Sequence[Photo],
    looks: Sequence[Look],
    dresser: Dresser,
) -> tuple[float, int]:
    """Change over the eyes behind sunglasses, of the change over plain eyes by the same looks."""
    behind = []
    for photo in photos:
        image = read_picture(photo.path)
        worn = [one for look in looks if (one := dresser.wear(image, look)) is not None]
        behind += [_eyes(one) for one in worn]
    plain = measures.mean([
        _eyes(one)
        for image, _, _ in clean
        for look in looks
        if (one := dresser.wear(image, look)) is not None
    ]) if behind else measures.NOTHING  # fmt: skip
    return (measures.mean(behind) / plain if plain > 0 else measures.NOTHING), len(photos)


def _eyes(worn: Worn) -> float:
    return measures.change(
        worn.bare.colour, worn.painted.colour, seen(worn.masks.lids, worn.bare.visibility)
    )
