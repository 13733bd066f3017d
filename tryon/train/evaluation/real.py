"""Real photographs through the real session: is the colour carried, and is everything else kept?

There is no exact target for a real photo, so each figure asks one question that has an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tryon.look.look import Look
from tryon.train.evaluation import measures
from tryon.train.evaluation.controls import Step, sweep
from tryon.train.evaluation.masks import Mask, atlas_masks, core, seen
from tryon.train.evaluation.photos import PhotoSet
from tryon.train.evaluation.wearing import Dresser, Worn, read_picture


@dataclass(frozen=True, slots=True)
class RealItem:
    """One photo with one reference; differences are CIEDE2000, NaN where not seen."""

    source: str
    reference: str
    ita: float  # of the wearer, as the photo shows it
    lip_de: float  # lips' mean colour against the reference's, as the photos show them
    lip_de_light: float  # the same after discounting the light by the ratio of the skins
    lip_de_before: float  # of the untouched lips: what there was to gain
    lid_de: float
    lid_de_light: float
    lid_de_before: float
    drift: float  # of forehead, jaw and nose, texel by texel
    gradient: float  # correlation of the luma gradients inside the face
    background: float  # largest difference outside the face, levels
    change: float  # mean |difference| inside the face, levels


@dataclass(frozen=True, slots=True)
class RealResult:
    """Means over the pairs unless said."""

    pairs: int
    unread: int  # pairs in which no face was found
    lip_de: float
    lip_de_light: float
    lip_de_before: float
    lid_de: float
    lid_de_light: float
    lid_de_before: float
    drift: float
    drift_worst: float
    gradient: float
    gradient_worst: float
    background: float  # largest of all
    bare_change: float  # levels inside the face, by references without makeup
    bare_change_worst: float
    self_change: float  # levels: a look worn on the photo it came from
    leakage: float  # share of the paint outside the only region shown; worst region
    zero_change: float  # levels at intensity 0, largest pixel: 0 is exact
    intensity_fall: float  # levels by which more intensity painted less, at most
    items: tuple[RealItem, ...]
    steps: tuple[Step, ...]  # quality against intensity


def measure(photos: PhotoSet, dresser: Dresser, few: int) -> RealResult:
    """Score the real path.

    Args:
        photos: who wears what.
        dresser: the session.
        few: how many pairs the sweeps over regions and intensities use.
    """
    items, unread = [], 0
    for source, reference in photos.pairs:
        look = dresser.look(reference)
        worn = dresser.wear(read_picture(source.path), look) if look else None
        if look is None or worn is None:
            unread += 1
        else:
            items.append(compare(worn, look, source.path.name, reference.path.name))
    bare = _bare_changes(photos, dresser)
    # Across the list, and never one wearer only: pairs come ordered by reference.
    step = max(1, len(photos.pairs) // max(few, 1) + 1)
    swept = [
        (read_picture(source.path), look)
        for source, reference in photos.pairs[::step]
        if (look := dresser.look(reference))
    ]
    controls = sweep(swept, dresser)
    gradients = [item.gradient for item in items]
    return RealResult(
        pairs=len(items),
        unread=unread,
        **{n: measures.mean([getattr(item, n) for item in items]) for n in _MEANS},
        drift_worst=measures.largest([item.drift for item in items]),
        gradient_worst=-measures.largest([-value for value in gradients]),
        background=measures.largest([item.background for item in items]),
        bare_change=measures.mean(bare),
        bare_change_worst=measures.largest(bare),
        self_change=measures.mean(_self_changes(photos, dresser)),
        leakage=controls.leakage,
        zero_change=controls.zero_change,
        intensity_fall=controls.intensity_fall,
        items=tuple(items),
        steps=controls.steps,
    )


_MEANS = (
    "lip_de", "lip_de_light", "lip_de_before", "lid_de", "lid_de_light", "lid_de_before",
    "drift", "gradient",
)  # fmt: skip


def compare(worn: Worn, look: Look, source: str = "", reference: str = "") -> RealItem:
    """The figures of one picture that wears a look."""
    there, here = look.texture, worn.masks
    plain = atlas_masks(look.size)
    skins = (
        measures.skin_colour(there.colour, seen(plain.skin, there.visibility)),
        measures.skin_colour(worn.bare.colour, here.skin),
    )

    def gaps(mask: Mask) -> tuple[float, float, float]:
        wanted = measures.region_colour(there.colour, mask)
        after, before = (measures.region_colour(t.colour, mask) for t in (worn.painted, worn.bare))
        lit = measures.under_light(wanted, *skins)
        return (
            measures.colour_gap(after, wanted),
            measures.colour_gap(after, lit),
            measures.colour_gap(before, wanted),
        )

    lips, lids = (gaps(core(seen(mask, there.visibility))) for mask in (here.lips, here.lids))
    apart = np.abs(worn.after.astype(int) - worn.before)[~worn.inside]
    return RealItem(
        source=source,
        reference=reference,
        ita=worn.ita,
        lip_de=lips[0],
        lip_de_light=lips[1],
        lip_de_before=lips[2],
        lid_de=lids[0],
        lid_de_light=lids[1],
        lid_de_before=lids[2],
        drift=measures.drift(worn.bare.colour, worn.painted.colour, here.skin),
        gradient=measures.gradient_correlation(worn.before, worn.after, worn.inside),
        background=float(apart.max(initial=0)),
        change=worn.change,
    )


def _bare_changes(photos: PhotoSet, dresser: Dresser) -> list[float]:
    """Each reference without makeup on two people who are not in it."""
    changes = []
    for index, photo in enumerate(photos.bare):
        look = dresser.look(photo)
        others = [p for p in photos.sources if p.path != photo.path]
        for other in (others[index:] + others[:index])[:2]:
            worn = dresser.wear(read_picture(other.path), look) if look else None
            if worn is not None:
                changes.append(worn.change)
    return changes


def _self_changes(photos: PhotoSet, dresser: Dresser) -> list[float]:
    changes = []
    for photo in photos.references:
        look = dresser.look(photo)
        worn = dresser.wear(read_picture(photo.path), look) if look else None
        if worn is not None:
            changes.append(worn.change)
    return changes
