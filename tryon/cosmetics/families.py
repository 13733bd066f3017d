"""Families of cosmetic colours in OKLCH (Ottosson 2020): hue, chroma and lightness by name."""

from __future__ import annotations

Family = tuple[float, float, tuple[float, float], tuple[float, float]]
"""Hue in degrees and its spread, lowest and highest chroma, lowest and highest lightness."""

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
WORN_FAMILIES: tuple[Family, ...] = (
    (50, 40, (0.00, 0.04), (0.14, 0.34)),  # smoke
    (55, 18, (0.02, 0.06), (0.20, 0.40)),  # brown
    (350, 25, (0.02, 0.06), (0.20, 0.40)),  # mauve
)
"""Shadows as they are worn: in made-up portraits they darken a lid and hardly colour it."""

ANY: Family = (0, 180, (0.02, 0.28), (0.15, 0.92))
BLUSH: Family = (20, 16, (0.08, 0.17), (0.52, 0.70))
HAIR: Family = (55, 14, (0.01, 0.06), (0.14, 0.42))
LINER_COLORS = ("#0c0a0a", "#0c0a0a", "#0c0a0a", "#2a1a12", "#101830", "#e8e4e0")
