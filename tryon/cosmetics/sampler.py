"""Random styles that people might wear, and some that nobody would: training needs both.

An archetype is drawn first, then every field is jittered; colours come from named families in
OKLCH (Ottosson 2020), so that hue, chroma and lightness vary independently.
"""

from __future__ import annotations

import math

import numpy as np

from tryon.cosmetics import style as st

# name: (hue deg, hue spread, chroma low/high, lightness low/high)
Family = tuple[float, float, tuple[float, float], tuple[float, float]]
LIP_FAMILIES: tuple[Family, ...] = (
    (40, 12, (0.03, 0.08), (0.50, 0.72)),  # nude
    (10, 12, (0.06, 0.13), (0.48, 0.66)),  # rose
    (32, 10, (0.12, 0.19), (0.55, 0.70)),  # coral
    (24, 8, (0.13, 0.22), (0.36, 0.54)),  # red
    (8, 10, (0.09, 0.16), (0.26, 0.42)),  # berry
    (345, 14, (0.06, 0.12), (0.22, 0.38)),  # plum
    (45, 12, (0.05, 0.10), (0.28, 0.45)),  # brown
    (355, 12, (0.16, 0.25), (0.48, 0.64)),  # fuchsia
    (48, 8, (0.14, 0.19), (0.58, 0.70)),  # orange
)
SHADOW_FAMILIES: tuple[Family, ...] = (
    (60, 20, (0.02, 0.05), (0.42, 0.68)),  # taupe
    (50, 14, (0.04, 0.09), (0.28, 0.52)),  # brown
    (62, 12, (0.08, 0.13), (0.45, 0.62)),  # bronze
    (345, 18, (0.04, 0.09), (0.42, 0.62)),  # mauve
    (325, 18, (0.08, 0.15), (0.28, 0.45)),  # plum
    (110, 16, (0.05, 0.10), (0.38, 0.55)),  # olive
    (195, 18, (0.07, 0.12), (0.40, 0.62)),  # teal
    (258, 16, (0.08, 0.16), (0.26, 0.48)),  # navy
    (250, 60, (0.00, 0.02), (0.22, 0.55)),  # grey
    (85, 10, (0.09, 0.15), (0.62, 0.80)),  # gold
    (20, 16, (0.06, 0.13), (0.55, 0.72)),  # peach
)
ANY: Family = (0, 180, (0.02, 0.28), (0.15, 0.92))
BLUSH: Family = (20, 16, (0.08, 0.17), (0.52, 0.70))
HAIR: Family = (55, 14, (0.01, 0.06), (0.14, 0.42))
LINER_COLORS = ("#0c0a0a", "#0c0a0a", "#0c0a0a", "#2a1a12", "#101830", "#e8e4e0")
ARCHETYPES = ("natural", "office", "glam", "editorial", "gradient", "gothic", "vintage", "paint")
ARCHETYPE_WEIGHTS = (0.22, 0.14, 0.20, 0.18, 0.06, 0.06, 0.08, 0.06)


def oklch_to_hex(lightness: float, chroma: float, hue: float) -> str:
    """OKLCH (hue in deg) to #rrggbb; chroma is lowered until the colour fits sRGB."""
    for _ in range(12):
        a, b = (chroma * f(math.radians(hue)) for f in (math.cos, math.sin))
        lms = (
            np.array(
                [
                    lightness + 0.3963377774 * a + 0.2158037573 * b,
                    lightness - 0.1055613458 * a - 0.0638541728 * b,
                    lightness - 0.0894841775 * a - 1.2914855480 * b,
                ]
            )
            ** 3
        )
        rgb = np.array(
            [
                [4.0767416621, -3.3077115913, 0.2309699292],
                [-1.2684380046, 2.6097574011, -0.3413193965],
                [-0.0041960863, -0.7034186147, 1.7076147010],
            ]
        ) @ lms  # fmt: skip
        if rgb.min() >= -1e-3 and rgb.max() <= 1 + 1e-3:
            break
        chroma *= 0.85
    rgb = rgb.clip(0, 1)
    encoded = np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in encoded)


class StyleSampler:
    """Draws styles from a seeded generator; the same seed gives the same sequence."""

    def __init__(self, seed: int, *, foundation: bool = True) -> None:
        self._rng = np.random.default_rng(seed)
        self._foundation = foundation

    def __call__(self) -> st.MakeupStyle:
        """One style: 5 % none at all, 15 % a single layer, the rest by archetype."""
        chance = self._rng.random()
        if chance < 0.05:
            return st.MakeupStyle()
        full = self._archetype(str(self._rng.choice(ARCHETYPES, p=ARCHETYPE_WEIGHTS)))
        if chance > 0.20:
            return full
        names = [n for n in full.__dataclass_fields__ if getattr(full, n).opacity > 0]
        keep = str(self._rng.choice(names or ["lips"]))
        return st.MakeupStyle(**{keep: getattr(full, keep)})

    def _u(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def _maybe(self, p: float) -> bool:
        return bool(self._rng.random() < p)

    def _color(self, family: Family) -> str:
        hue, spread, chroma, lightness = family
        return oklch_to_hex(self._u(*lightness), self._u(*chroma), hue + self._u(-spread, spread))

    def _one_of(self, families: tuple[Family, ...], wild: float) -> str:
        if self._maybe(wild):
            return self._color(ANY)
        return self._color(families[int(self._rng.integers(len(families)))])

    def _archetype(self, kind: str) -> st.MakeupStyle:
        bold = {"natural": 0.45, "office": 0.65, "gradient": 0.7}.get(kind, 1.0)
        wild = {"editorial": 0.55, "paint": 0.6, "gothic": 0.2}.get(kind, 0.08)
        lips, shadow = self._lips(kind, bold, wild), self._eyeshadow(kind, bold, wild)
        return st.MakeupStyle(
            foundation=self._base() if self._foundation and self._maybe(0.45) else st.Foundation(),
            contour=st.Contour(
                self._u(0.15, 0.6) * bold, self._color((50, 10, (0.04, 0.08), (0.30, 0.45)))
            )
            if self._maybe(0.35)
            else st.Contour(),
            blush=st.Blush(
                self._u(0.25, 1.0) * bold,
                self._color(ANY if self._maybe(wild * 0.3) else BLUSH),
                self._u(0, 1),
                self._u(0, 1),
                self._u(0.2, 0.9) if self._maybe(0.12) else 0.0,
            )
            if self._maybe(0.6)
            else st.Blush(),
            eyeshadow=shadow,
            liner=self._liner(kind, wild),
            brows=st.Brows(self._u(0.15, 0.8), self._color(HAIR))
            if self._maybe(0.4)
            else st.Brows(),
            highlight=st.Highlight(
                self._u(0.2, 0.9), self._color((70, 40, (0.01, 0.06), (0.85, 0.95)))
            )
            if self._maybe(0.35)
            else st.Highlight(),
            lips=lips,
            paint=self._paint(wild) if kind == "paint" or self._maybe(0.03) else st.FreePaint(),
        )

    def _base(self) -> st.Foundation:
        return st.Foundation(
            self._u(0.1, 0.7), self._u(-0.6, 0.6), self._u(-0.04, 0.04), self._u(0, 0.7)
        )

    def _lips(self, kind: str, bold: float, wild: float) -> st.Lips:
        if not self._maybe(0.85):
            return st.Lips()
        families = {"vintage": LIP_FAMILIES[3:4], "gothic": LIP_FAMILIES[4:7]}.get(
            kind, LIP_FAMILIES
        )
        return st.Lips(
            opacity=self._u(0.3, 1.0) * (0.4 + 0.6 * bold),
            color=self._one_of(families, wild * 0.6),
            finish=str(self._rng.choice(["sheer", "satin", "matte", "gloss", "metallic"],
                                        p=[0.1, 0.3, 0.35, 0.2, 0.05])),
            liner=self._u(0.1, 0.8) if self._maybe(0.25) else 0.0,
            ombre=self._u(0.4, 0.9) if kind == "gradient" or self._maybe(0.06) else 0.0,
            blur=self._u(0.1, 0.8) if self._maybe(0.2) else 0.0,
        )  # fmt: skip

    def _eyeshadow(self, kind: str, bold: float, wild: float) -> st.Eyeshadow:
        if not self._maybe(0.35 if kind in ("natural", "vintage") else 0.85):
            return st.Eyeshadow()

        def part(p: float) -> float:
            return self._u(0.3, 1.0) if self._maybe(p) else 0.0

        lid = self._one_of(SHADOW_FAMILIES, wild)
        dark = self._color((50, 40, (0.02, 0.06), (0.14, 0.32)))
        return st.Eyeshadow(
            opacity=self._u(0.35, 1.0) * (0.4 + 0.6 * bold),
            lid=lid,
            crease=dark if self._maybe(0.6) else self._one_of(SHADOW_FAMILIES, wild),
            crease_opacity=part(0.45),
            outer=dark if self._maybe(0.7) else self._one_of(SHADOW_FAMILIES, wild),
            outer_opacity=part(0.45),
            inner=self._color((80, 40, (0.01, 0.06), (0.80, 0.95))),
            inner_opacity=part(0.25),
            lower=lid if self._maybe(0.6) else self._one_of(SHADOW_FAMILIES, wild),
            lower_opacity=part(0.4),
            height=self._u(0.3, 0.95),
            wing=self._u(0.1, 1.0) if self._maybe(0.4) else 0.0,
            finish=str(self._rng.choice(["matte", "satin", "shimmer", "metallic"],
                                        p=[0.45, 0.25, 0.2, 0.1])),
        )  # fmt: skip

    def _liner(self, kind: str, wild: float) -> st.Liner:
        if not self._maybe(0.3 if kind == "natural" else 0.6):
            return st.Liner()
        return st.Liner(
            opacity=self._u(0.5, 1.0),
            color=self._color(ANY)
            if self._maybe(wild * 0.4)
            else str(self._rng.choice(LINER_COLORS)),
            thickness=self._u(0.05, 0.8),
            wing=self._u(0.15, 1.0) if self._maybe(0.5) else 0.0,
            lower=self._u(0.2, 1.0) if self._maybe(0.35) else 0.0,
            smudge=self._u(0.1, 1.0) if self._maybe(0.3) else 0.0,
        )

    def _paint(self, wild: float) -> st.FreePaint:
        return st.FreePaint(
            opacity=self._u(0.4, 1.0),
            color=self._color(ANY),
            second=self._color(ANY),
            scale=self._u(0, 1),
            coverage=self._u(0.08, 0.5),
            sharpness=self._u(0.1, 1.0),
            symmetric=float(self._maybe(0.7)),
            seed=self._u(0, 1),
        )
