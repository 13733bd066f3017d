"""Random styles that people might wear, and some that nobody would: training needs both.

An archetype is drawn first, then every field is jittered; colours come from named families in
OKLCH (Ottosson 2020), so that hue, chroma and lightness vary independently.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tryon.cosmetics import style as st
from tryon.cosmetics.colours import oklch_of, oklch_to_hex
from tryon.cosmetics.families import (
    ANY,
    BLUSH,
    HAIR,
    LINER_COLORS,
    LIP_FAMILIES,
    SHADOW_FAMILIES,
    WORN_FAMILIES,
    Family,
)

# Weights: natural looks less often than in the street, because they teach less a sample.
ARCHETYPES = {
    "natural": 0.20, "office": 0.13, "glam": 0.18, "editorial": 0.17, "gradient": 0.06,
    "gothic": 0.05, "vintage": 0.07, "bridal": 0.06, "paint": 0.08,
}  # fmt: skip
BOLD = {"natural": 0.45, "office": 0.65, "gradient": 0.7, "bridal": 0.6}  # the others: 1
WILD = {"editorial": 0.55, "paint": 0.6, "gothic": 0.2}  # chance of an odd colour; others 0.08
LOUD = ("glam", "editorial", "gothic", "paint")  # lips and eyes may both be bold


class StyleSampler:
    """Draws styles from a seeded generator; the same seed gives the same sequence."""

    def __init__(self, seed: int, *, foundation: bool = True, everyday: float = 0.0) -> None:
        """Start a sequence.

        Args:
            seed: of what is drawn.
            foundation: whether foundation and concealer are worn.
            everyday: share of eye makeup as it is met in the street, dark and of little colour.
        """
        self._rng = np.random.default_rng(seed)
        self._foundation, self._everyday = foundation, everyday

    def __call__(self) -> st.MakeupStyle:
        """One style: 5 % none at all, 15 % a single layer, the rest by archetype."""
        chance = self._rng.random()
        if chance < 0.05:
            return st.MakeupStyle()
        weights = np.array(list(ARCHETYPES.values()))
        full = self._archetype(self._word(tuple(ARCHETYPES), weights / weights.sum()))
        if chance > 0.20:
            return full
        keep = self._word(full.worn() or ("lips",))
        return st.MakeupStyle(**{keep: getattr(full, keep)})

    def _u(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def _maybe(self, p: float) -> bool:
        return bool(self._rng.random() < p)

    def _or_none(self, p: float, low: float, high: float) -> float:
        return self._u(low, high) if self._maybe(p) else 0.0

    def _word(self, words: tuple[str, ...], p: Any = None) -> str:
        return str(self._rng.choice(list(words), p=p))

    def _color(self, family: Family) -> str:
        hue, spread, chroma, lightness = family
        return oklch_to_hex(self._u(*lightness), self._u(*chroma), hue + self._u(-spread, spread))

    def _one_of(self, families: tuple[Family, ...], wild: float) -> str:
        if self._maybe(wild):
            return self._color(ANY)
        return self._color(families[int(self._rng.integers(len(families)))])

    def _archetype(self, kind: str) -> st.MakeupStyle:
        bold, wild = BOLD.get(kind, 1.0), WILD.get(kind, 0.08)
        eyes_lead = self._maybe(0.5)  # one bold area, unless the look is loud
        quiet = 1.0 if kind in LOUD else 0.6
        lips = self._lips(kind, bold * (quiet if eyes_lead else 1.0), wild)
        base = self._foundation and self._maybe(0.45)
        maybe = self._maybe
        style = st.MakeupStyle(
            foundation=self._base() if base else st.Foundation(),
            concealer=self._concealer() if self._foundation and maybe(0.2) else st.Concealer(),
            contour=self._contour(bold) if maybe(0.35) else st.Contour(),
            blush=self._blush(lips, bold, wild) if maybe(0.6) else st.Blush(),
            freckles=self._freckles() if maybe(0.06) else st.Freckles(),
            eyeshadow=self._eyeshadow(kind, bold * (1.0 if eyes_lead else quiet), wild),
            liner=self._liner(kind, wild),
            lashes=self._lashes(bold) if maybe(0.5) else st.Lashes(),
            brows=self._brows() if maybe(0.4) else st.Brows(),
            highlight=self._highlight() if maybe(0.35) else st.Highlight(),
            lips=lips,
            paint=self._paint() if kind == "paint" or maybe(0.03) else st.FreePaint(),
            decals=self._decals() if maybe(0.35 if kind == "paint" else 0.04) else st.Decals(),
        )
        # Last, so that a share of 0 leaves every sequence as it was.
        return self._with_worn_eyes(style) if self._everyday and maybe(self._everyday) else style

    def _with_worn_eyes(self, style: st.MakeupStyle) -> st.MakeupStyle:
        lid, dark = self._one_of(WORN_FAMILIES, 0.1), self._color(WORN_FAMILIES[0])
        shadow = st.Eyeshadow(
            opacity=self._or_none(0.85, 0.35, 0.95),
            lid=lid,
            crease=lid,
            crease_opacity=self._or_none(0.5, 0.2, 0.8),
            outer=dark,
            outer_opacity=self._or_none(0.5, 0.2, 0.9),
            lower=lid,
            lower_opacity=self._or_none(0.5, 0.2, 0.8),
            height=self._u(0.3, 0.9),
            wing=self._or_none(0.3, 0.1, 0.7),
            finish=self._word(("matte", "satin", "shimmer"), [0.5, 0.3, 0.2]),
            layout=self._word(("gradient", "wash", "smoky", "wing"), [0.4, 0.2, 0.3, 0.1]),
        )
        liner = st.Liner(
            opacity=self._or_none(0.85, 0.6, 1.0),
            color=self._word(LINER_COLORS[2:4], [0.8, 0.2]),
            thickness=self._u(0.08, 0.5),
            wing=self._or_none(0.55, 0.1, 0.9),
            lower=self._or_none(0.35, 0.2, 0.8),
            smudge=self._or_none(0.35, 0.1, 0.6),
        )
        lashes = self._lashes(0.6)
        liner = replace(liner, lift=self._u(0.0, 0.9))
        return replace(style, eyeshadow=shadow, liner=liner, lashes=lashes)

    def _base(self) -> st.Foundation:
        return st.Foundation(
            opacity=self._u(0.1, 0.8),
            warmth=self._u(-0.6, 0.6),
            lightness=self._u(-0.05, 0.05),
            matte=self._u(0, 0.7),
            finish=self._word(("satin", "matte"), [0.6, 0.4]),
        )

    def _concealer(self) -> st.Concealer:
        return st.Concealer(opacity=self._u(0.2, 0.8), lift=self._u(0.05, 0.5))

    def _contour(self, bold: float) -> st.Contour:
        return st.Contour(
            opacity=self._u(0.25, 0.8) * bold,
            color=self._color((50, 10, (0.04, 0.08), (0.30, 0.45))),
            jaw=self._u(0.2, 1.0),
            nose=self._u(0.0, 0.8),
            forehead=self._or_none(0.4, 0.2, 0.9),
        )

    def _blush(self, lips: st.Lips, bold: float, wild: float) -> st.Blush:
        color = self._color(ANY if self._maybe(wild * 0.3) else BLUSH)
        if lips.opacity > 0 and self._maybe(0.5):  # of one family with the lips
            lightness, chroma, _ = oklch_of(color)
            color = oklch_to_hex(lightness, chroma, oklch_of(lips.color)[2] + self._u(-25, 25))
        return st.Blush(
            opacity=self._u(0.25, 1.0) * bold,
            color=color,
            placement=self._u(0, 1),
            size=self._u(0, 1),
            nose=self._or_none(0.12, 0.2, 0.9),
            draping=self._or_none(0.2, 0.3, 1.0),
            finish=self._word(("satin", "matte", "shimmer"), [0.5, 0.35, 0.15]),
        )

    def _freckles(self) -> st.Freckles:
        return st.Freckles(
            opacity=self._u(0.4, 1.0),
            color=self._color((55, 14, (0.05, 0.09), (0.35, 0.52))),
            count=self._u(0, 1),
            size=self._u(0.1, 0.9),
            spread=self._u(0, 1),
            seed=self._u(0, 1),
        )

    def _lips(self, kind: str, bold: float, wild: float) -> st.Lips:
        if not self._maybe(0.85):
            return st.Lips()
        families = {"vintage": LIP_FAMILIES[3:4], "gothic": LIP_FAMILIES[4:7]}.get(
            kind, LIP_FAMILIES[:3] if kind == "bridal" else LIP_FAMILIES
        )
        color = self._one_of(families, wild * 0.6)
        ombre = kind == "gradient" or self._maybe(0.06)
        return st.Lips(
            opacity=self._u(0.5, 1.0) * (0.6 + 0.4 * bold),  # lipsticks cover; a balm need not
            color=color,
            finish=self._word(st.FINISHES, [0.10, 0.28, 0.34, 0.18, 0.03, 0.05, 0.02]),
            liner=self._or_none(0.25, 0.1, 0.8),
            ombre=self._u(0.4, 0.9) if ombre else 0.0,
            blur=self._or_none(0.2, 0.1, 0.8),
            overline=self._u(-0.5, 0.8) if self._maybe(0.2) else 0.0,
            second=self._one_of(families, wild) if ombre and self._maybe(0.4) else "none",
        )

    def _eyeshadow(self, kind: str, bold: float, wild: float) -> st.Eyeshadow:
        if not self._maybe(0.35 if kind in ("natural", "vintage") else 0.85):
            return st.Eyeshadow()
        lid = self._one_of(SHADOW_FAMILIES, wild)
        dark = self._color((50, 40, (0.02, 0.06), (0.14, 0.32)))
        return st.Eyeshadow(
            opacity=self._u(0.4, 1.0) * (0.5 + 0.5 * bold),
            lid=lid,
            crease=dark if self._maybe(0.6) else self._one_of(SHADOW_FAMILIES, wild),
            crease_opacity=self._or_none(0.5, 0.3, 1.0),
            outer=dark if self._maybe(0.7) else self._one_of(SHADOW_FAMILIES, wild),
            outer_opacity=self._or_none(0.45, 0.3, 1.0),
            inner=self._color((80, 40, (0.01, 0.06), (0.80, 0.95))),
            inner_opacity=self._or_none(0.25, 0.3, 1.0),
            lower=lid if self._maybe(0.6) else self._one_of(SHADOW_FAMILIES, wild),
            lower_opacity=self._or_none(0.4, 0.3, 1.0),
            height=self._u(0.3, 0.95),
            wing=self._or_none(0.35, 0.1, 1.0),
            finish=self._word(st.FINISHES, [0.04, 0.24, 0.36, 0.02, 0.18, 0.10, 0.06]),
            layout=self._word(st.LAYOUTS, [0.34, 0.18, 0.16, 0.10, 0.08, 0.08, 0.06]),
        )

    def _liner(self, kind: str, wild: float) -> st.Liner:
        if not self._maybe(0.3 if kind == "natural" else 0.6):
            return st.Liner()
        odd = self._maybe(wild * 0.4)
        return st.Liner(
            opacity=self._u(0.5, 1.0),
            color=self._color(ANY) if odd else self._word(LINER_COLORS),
            thickness=self._u(0.05, 0.8),
            wing=self._or_none(0.5, 0.15, 1.0),
            lower=self._or_none(0.35, 0.2, 1.0),
            smudge=self._or_none(0.3, 0.1, 1.0),
        )

    def _lashes(self, bold: float) -> st.Lashes:
        return st.Lashes(
            opacity=self._u(0.5, 1.0),
            length=self._u(0.1, 0.5 + 0.5 * bold),
            density=self._u(0.1, 0.9),
            curl=self._u(0.2, 0.9),
            lower=self._or_none(0.6, 0.2, 1.0),
            seed=self._u(0, 1),
        )

    def _brows(self) -> st.Brows:
        return st.Brows(
            opacity=self._u(0.25, 0.9),
            color=self._color(HAIR),
            thickness=self._u(-0.4, 0.8) if self._maybe(0.4) else 0.0,
            strokes=self._or_none(0.35, 0.3, 1.0),
        )

    def _highlight(self) -> st.Highlight:
        return st.Highlight(
            opacity=self._u(0.25, 1.0),
            color=self._color((70, 40, (0.01, 0.06), (0.85, 0.95))),
            brow_bone=self._or_none(0.4, 0.3, 1.0),
            finish=self._word(("satin", "shimmer", "glitter"), [0.35, 0.55, 0.1]),
        )

    def _paint(self) -> st.FreePaint:
        return st.FreePaint(
            opacity=self._u(0.4, 1.0),
            color=self._color(ANY),
            second=self._color(ANY),
            scale=self._u(0, 1),
            coverage=self._u(0.08, 0.5),
            sharpness=self._u(0.1, 1.0),
            symmetric=float(self._maybe(0.7)),
            seed=self._u(0, 1),
            finish=self._word(("satin", "matte", "metallic"), [0.5, 0.35, 0.15]),
        )

    def _decals(self) -> st.Decals:
        return st.Decals(
            opacity=self._u(0.7, 1.0),
            color=self._color(ANY),
            kind=self._word(st.DECALS),
            place=self._word(st.PLACES),
            count=self._u(0, 1),
            size=self._u(0.1, 1.0),
            symmetric=float(self._maybe(0.7)),
            seed=self._u(0, 1),
        )
