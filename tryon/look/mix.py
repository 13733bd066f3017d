"""Several looks -> one: a region from each, or all of them in shares.

A mixed look keeps its references whole. Each is encoded as it is, so a lipstick is read against
the face it was photographed on, and only what the networks made of it is put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.look.look import MAX_NAME, MAX_PARTS, Look, Part
from tryon.types import REGIONS, Float32, UInt8


@dataclass(frozen=True, slots=True, eq=False)
class ShareMaps:
    """How much each reference of a look gives; the shares of all references sum to 1."""

    texels: Float32  # (P, A, A), at each texel of the atlas
    whole: tuple[float, ...]  # of the face as a whole, over the regions that are worn


def mix_looks(parts: Mapping[str, Look]) -> Look:
    """Take each region from a look of its own.

    Args:
        parts: region name (one of REGIONS) or `all` -> look. `all` gives the regions that are
            not named; without it they get intensity 0.

    Returns:
        The mixed look, with the intensity that each region has in the look it comes from. Mixing
        a look with itself gives that look.

    Raises:
        ConfigError: no parts, an unknown region, or looks of different sizes.
    """
    for region in parts:
        if region not in (*REGIONS, "all"):
            raise ConfigError(f"no region {region!r}; choose from all, {', '.join(REGIONS)}")
    if not parts:
        raise ConfigError("nothing to mix; name a look for a region, such as lips, or for all")
    rest = parts.get("all")
    if rest is not None and all(look is rest for look in parts.values()):
        return rest
    # What an unnamed region shows is never seen; it takes after the first part.
    filler = rest or next(iter(parts.values()))
    chosen = [parts.get(region, filler) for region in REGIONS]
    intensities = tuple(
        look.intensities[i] if rest or region in parts else 0.0
        for i, (region, look) in enumerate(zip(REGIONS, chosen, strict=True))
    )
    looks = list(dict.fromkeys(chosen))
    weights = [tuple(float(other is look) for other in chosen) for look in looks]
    names = [f"{look.name} ({region})" for region, look in parts.items()]
    return _combine(looks, weights, intensities, names)


def interpolate(a: Look, b: Look, t: float) -> Look:
    """A look between two: `a` at t = 0, `b` at t = 1, intensities included.

    Raises:
        ConfigError: t is outside 0..1, or the looks are of different sizes.
    """
    if not 0 <= t <= 1:
        raise ConfigError(f"t = {t} is not between two looks; use 0 to 1")
    if t in (0, 1):
        return b if t else a
    pairs = zip(a.intensities, b.intensities, strict=True)
    intensities = tuple((1 - t) * x + t * y for x, y in pairs)
    names = [f"{look.name} {share:.0%}" for look, share in ((a, 1 - t), (b, t))]
    return _combine([a, b], [(1 - t,) * len(REGIONS), (t,) * len(REGIONS)], intensities, names)


def share_maps(look: Look) -> ShareMaps:
    """Where and how much each of a look's references is worn."""
    shares = np.array([part.shares for part in look.references], np.float32)
    weights = region_masks(look.size).weights  # (A, A, R), sums to 1 inside the face
    worn = np.array(look.intensities, np.float32) > 0
    area = weights.sum((0, 1), dtype=np.float64) * (worn if worn.any() else 1)
    whole = (shares @ area / area.sum()).astype(np.float32)
    texels = np.einsum("pr,hwr->phw", shares, weights)
    texels += (1 - weights.sum(-1)) * whole[:, None, None]
    return ShareMaps(texels, tuple(float(share) for share in whole))


def _combine(
    looks: Sequence[Look],
    weights: Sequence[tuple[float, ...]],
    intensities: tuple[float, ...],
    names: Sequence[str],
) -> Look:
    """The looks in the given shares of each region; equal references become one."""
    if len({look.size for look in looks}) > 1:
        raise ConfigError("the looks are of different sizes; make them again from their photos")
    merged: dict[bytes, Part] = {}
    for look, regions in zip(looks, weights, strict=True):
        for part in look.references:
            key = part.colour.tobytes() + part.visibility.tobytes()
            before = merged[key].shares if key in merged else (0.0,) * len(REGIONS)
            shares = tuple(
                min(1.0, old + weight * share)
                for old, weight, share in zip(before, regions, part.shares, strict=True)
            )
            merged[key] = Part(part.colour, part.visibility, shares)
    parts = tuple(part for part in merged.values() if any(part.shares))
    if len(parts) > MAX_PARTS:
        raise ConfigError(f"{len(parts)} faces in one look; mix at most {MAX_PARTS}")
    name, first = " + ".join(names)[:MAX_NAME], parts[0]
    if len(parts) == 1:
        return Look(first.colour, first.visibility, name, intensities, "mix")
    draft = Look(first.colour, first.visibility, name, intensities, "mix", parts)
    maps = share_maps(draft).texels
    colour = np.einsum("phw,phwc->hwc", maps, np.stack([part.colour for part in parts]))
    visibility = np.einsum("phw,phw->hw", maps, np.stack([part.visibility for part in parts]))
    return replace(draft, colour=_to_bytes(colour), visibility=_to_bytes(visibility))


def _to_bytes(values: Float32) -> UInt8:
    rounded: UInt8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return rounded
