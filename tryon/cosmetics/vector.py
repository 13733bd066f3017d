"""Style -> numbers: one fixed vector that says all a style says, for networks and for search.

A layer that is not worn is all zero, so that styles that look alike have vectors that are alike.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tryon.cosmetics.colours import oklab_of, rgb_of
from tryon.cosmetics.schema import Choice, Colour, rules
from tryon.cosmetics.style import LAYERS, MakeupStyle
from tryon.types import Float32


@cache
def vector_names() -> tuple[str, ...]:
    """What each number is, as layer.setting or layer.setting.part."""
    names: list[str] = []
    for layer, kind in LAYERS.items():
        for name, rule in rules(kind).items():
            if name == "seed":
                continue  # a seed has no meaning to be learnt
            if isinstance(rule, Colour):
                parts: tuple[str, ...] = ("L", "a", "b", *rule.words)
            elif isinstance(rule, Choice):
                parts = rule.words
            else:
                parts = ()
            names += [f"{layer}.{name}.{part}" for part in parts] or [f"{layer}.{name}"]
    return tuple(names)


def style_vector(style: MakeupStyle) -> Float32:
    """The numbers of a style.

    Returns:
        (len(vector_names()),) float32: numbers as they are, colours as OKLab, words one-hot.
    """
    values: list[float] = []
    for layer, kind in LAYERS.items():
        worn = getattr(style, layer)
        shown = worn.opacity > 0
        for name, rule in rules(kind).items():
            if name == "seed":
                continue
            value = getattr(worn, name)
            if isinstance(rule, Colour):
                lab = oklab_of(np.array(rgb_of(value))) if value.startswith("#") else np.zeros(3)
                part = [*(float(x) for x in lab), *(float(value == w) for w in rule.words)]
            elif isinstance(rule, Choice):
                part = [float(value == word) for word in rule.words]
            else:
                part = [float(value)]
            values += part if shown else [0.0] * len(part)
    return np.array(values, np.float32)
