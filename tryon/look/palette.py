"""Any picture -> a style in its colours: a sunset, a fabric, a painting; no face is needed.

Deterministic under a seed. It reads colours only; what they are put on is the painter's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tryon.cosmetics import style as st
from tryon.cosmetics.colours import oklab_of, oklch_of, oklch_to_hex
from tryon.types import UInt8

SWATCHES = 6
SIDE = 96  # px; more would not change the palette


@dataclass(frozen=True, slots=True)
class Swatch:
    """One colour of a picture."""

    color: str  # #rrggbb
    share: float  # of the picture, 0..1


def palette_of(image: UInt8, seed: int = 0, count: int = SWATCHES) -> tuple[Swatch, ...]:
    """The main colours of a picture, by k-means in OKLab; the largest share first.

    Args:
        image: (H, W, 3) uint8 RGB.
        seed: of the first guesses.
        count: at most so many colours.
    """
    step = max(1, min(image.shape[:2]) // SIDE)
    pixels = image[::step, ::step].reshape(-1, 3)
    labs = oklab_of(pixels / 255)
    rng = np.random.default_rng(seed)
    centres = labs[rng.integers(len(labs), size=1)]
    for _ in range(1, count):  # each new guess far from the others (k-means++)
        gap = _gaps(labs, centres).min(1)
        if gap.max() < 1e-6:
            break
        centres = np.vstack([centres, labs[rng.choice(len(labs), p=gap / gap.sum())]])
    for _ in range(12):
        owner = _gaps(labs, centres).argmin(1)
        centres = np.stack([labs[owner == k].mean(0) if (owner == k).any() else centre
                            for k, centre in enumerate(centres)])  # fmt: skip
    owner = _gaps(labs, centres).argmin(1)
    shares = np.bincount(owner, minlength=len(centres)) / len(labs)
    order = np.argsort(-shares, kind="stable")
    return tuple(Swatch(_hex(centres[k]), float(shares[k])) for k in order if shares[k] > 0)


def style_from_picture(image: UInt8, seed: int = 0) -> st.MakeupStyle:
    """A make-up in the colours of a picture.

    Lips take the most vivid warm colour, lids the most vivid other one, the crease the darkest,
    highlight and inner corner the lightest; each is moved to where such a product exists.

    Args:
        image: (H, W, 3) uint8 RGB.
        seed: the same seed gives the same style.
    """
    swatches = palette_of(image, seed)
    colours = {s.color: oklch_of(s.color) for s in swatches}
    vivid = sorted(colours, key=lambda c: -colours[c][1])
    warm = [c for c in vivid if colours[c][2] < 75 or colours[c][2] > 320]
    lips = (warm or vivid)[0]
    lid = next((c for c in vivid if c != lips), lips)
    by_light = sorted(colours, key=lambda c: colours[c][0])
    dark, light = by_light[0], by_light[-1]
    rng = np.random.default_rng(seed)
    vivid_lid = colours[lid][1] > 0.08
    return st.MakeupStyle(
        blush=st.Blush(0.35, _fit(lips, (0.60, 0.72), (0.07, 0.13)), 0.5),
        eyeshadow=st.Eyeshadow(
            opacity=0.8,
            lid=_fit(lid, (0.35, 0.80), (0.02, 0.2)),
            crease=_fit(dark, (0.16, 0.36), (0.01, 0.1)),
            crease_opacity=0.7,
            outer=_fit(dark, (0.12, 0.28), (0.01, 0.1)),
            outer_opacity=0.5,
            inner=_fit(light, (0.82, 0.95), (0.0, 0.06)),
            inner_opacity=0.4,
            height=0.55,
            finish=str(rng.choice(["satin", "shimmer", "metallic"] if vivid_lid else ["matte"])),
            layout=str(rng.choice(["wash", "gradient", "smoky", "halo"])),
        ),
        liner=st.Liner(0.9, _fit(dark, (0.10, 0.22), (0.0, 0.06)), 0.25, 0.35),
        lashes=st.Lashes(0.7),
        highlight=st.Highlight(0.45, _fit(light, (0.86, 0.95), (0.0, 0.05))),
        lips=st.Lips(
            0.85,
            _fit(lips, (0.30, 0.66), (0.06, 0.22)),
            str(rng.choice(["satin", "matte", "gloss"])),
        ),
    )


def _fit(color: str, lightness: tuple[float, float], chroma: tuple[float, float]) -> str:
    """The colour of that hue nearest to this one within the bounds."""
    found_lightness, found_chroma, hue = oklch_of(color)
    return oklch_to_hex(
        min(max(found_lightness, lightness[0]), lightness[1]),
        min(max(found_chroma, chroma[0]), chroma[1]),
        hue,
    )


def _gaps(labs: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) squared distances."""
    gaps: NDArray[np.float64] = ((labs[:, None] - centres) ** 2).sum(-1)
    return gaps


def _hex(lab: NDArray[np.float64]) -> str:
    lightness, a, b = (float(v) for v in lab)
    return oklch_to_hex(lightness, float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a))))
