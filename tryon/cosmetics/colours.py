"""Colours as people speak of them: OKLab and OKLCH (Ottosson 2020), and names from the hex code.

It knows no makeup beyond which names are used for it.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                    [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                    [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
_FROM_LMS, _FROM_LAB = np.linalg.inv(_TO_LMS), np.linalg.inv(_TO_LAB)

NAMES: dict[str, str] = {
    "black": "#0c0a0b", "charcoal": "#36343a", "grey": "#808084", "silver": "#c4c6cc",
    "white": "#f6f4f2", "ivory": "#f2e6d2", "cream": "#ecd8b8", "champagne": "#e8cfa8",
    "beige": "#cfae8e", "nude": "#c1917c", "tan": "#b38867", "taupe": "#8c7568",
    "mocha": "#7a5646", "brown": "#6a4330", "chocolate": "#442a20", "espresso": "#2a1a16",
    "bronze": "#9a6a38", "copper": "#b5683c", "gold": "#d0a24a", "mustard": "#b8932a",
    "yellow": "#f0d32c", "lemon": "#f6ec7a", "peach": "#f0a484", "apricot": "#ea8c5c",
    "coral": "#ec6a56", "orange": "#ee7420", "terracotta": "#b4583a", "rust": "#943e20",
    "brick red": "#8e2c24", "red": "#c0182a", "scarlet": "#e02420", "crimson": "#a0122c",
    "wine": "#5e1428", "burgundy": "#48101c", "berry": "#86234c", "raspberry": "#b8285a",
    "plum": "#582448", "aubergine": "#301428", "rose": "#cc6878", "dusty rose": "#b06e70",
    "blush pink": "#eaaaae", "pink": "#ee84a8", "hot pink": "#ee3c90", "fuchsia": "#cc1c7c",
    "magenta": "#d01cb0", "mauve": "#a47890", "lilac": "#c4a4d4", "lavender": "#a898d8",
    "purple": "#7034a0", "violet": "#5230b4", "indigo": "#2c2474", "navy": "#182248",
    "cobalt": "#2046b8", "blue": "#2c6cdc", "sky blue": "#84bce8", "turquoise": "#34c0c4",
    "teal": "#107474", "emerald": "#10805a", "green": "#2c9c3c", "mint": "#a0dcc0",
    "lime": "#a4d828", "olive": "#6c6c30", "forest green": "#1c4428",
}  # fmt: skip
"""Name of a cosmetic colour -> the sRGB colour that it stands for."""


def rgb_of(color: str) -> tuple[float, float, float]:
    """#rrggbb to sRGB, each 0..1."""
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def hex_of(rgb: Floats) -> str:
    """SRGB (3,) 0..1 to #rrggbb; clipped."""
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in np.clip(rgb, 0, 1))


def oklab_of(rgb: Floats) -> Floats:
    """SRGB (..., 3) 0..1 to OKLab (..., 3)."""
    x = np.asarray(rgb, np.float64)
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def oklch_of(color: str) -> tuple[float, float, float]:
    """#rrggbb to lightness 0..1, chroma, hue in degrees 0..360."""
    lightness, a, b = (float(v) for v in oklab_of(np.array(rgb_of(color))))
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def oklch_to_hex(lightness: float, chroma: float, hue: float) -> str:
    """OKLCH (hue in deg) to #rrggbb; chroma is lowered until the colour fits sRGB."""
    rgb = np.zeros(3)
    for _ in range(12):
        a, b = (chroma * f(math.radians(hue)) for f in (math.cos, math.sin))
        rgb = _FROM_LMS @ (_FROM_LAB @ np.array([lightness, a, b])) ** 3
        if rgb.min() >= -1e-3 and rgb.max() <= 1 + 1e-3:
            break
        chroma *= 0.85
    rgb = rgb.clip(0, 1)
    return hex_of(np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055))


@cache
def _named() -> tuple[tuple[str, ...], Floats]:
    return tuple(NAMES), oklab_of(np.array([rgb_of(color) for color in NAMES.values()]))


@cache
def name_of(color: str) -> str:
    """The nearest of `NAMES` in OKLab; hue and chroma count more than lightness."""
    names, labs = _named()
    gap = (labs - oklab_of(np.array(rgb_of(color)))) * np.array([0.8, 1.3, 1.3])
    return names[int((gap**2).sum(1).argmin())]


def cielab_of(linear: Floats) -> Floats:
    """Linear RGB (..., 3), D65, to CIELAB (..., 3)."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722],
                       [0.0193, 0.1192, 0.9505]])  # fmt: skip
    xyz = np.asarray(linear, np.float64) @ matrix.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def ciede2000(first: Floats, second: Floats) -> Floats:
    """Colour difference of CIELAB colours (..., 3) by CIEDE2000 (Sharma et al. 2005)."""
    l1, a1, b1 = np.moveaxis(np.asarray(first, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(second, np.float64), -1, 0)
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(c7 / (c7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = h2 - h1
    turn = turn - 360 * (turn > 180) + 360 * (turn < -180)  # hues just opposite keep their sign
    turn = np.where(c1 * c2 == 0, 0, turn)
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(c1 * c2 == 0, h1 + h2, (h1 + turn / 2) % 360)
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(w * np.cos(np.radians(n * hue + phase)) for w, n, phase in waves)
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    spin = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rt = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(spin))
    terms = (dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * (dc / sc) * (dh / sh)
    return np.asarray(np.sqrt(np.maximum(terms, 0)))
