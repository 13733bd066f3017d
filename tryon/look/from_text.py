"""Words -> a style: what the words name is taken as named, what they leave open is searched for.

Names of colours, finishes and shapes are read by a table (`tryon.look.words`). Other words, such as
"a festival night", are left to the makeup encoder, which ranks ideas; it never overrules a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tryon.cosmetics.captions import caption
from tryon.cosmetics.colours import oklch_of, oklch_to_hex
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.schema import Colour, Number, rules
from tryon.cosmetics.style import LAYERS, MakeupStyle
from tryon.errors import ConfigError
from tryon.look.makeup_vectors import MakeupVectors
from tryon.look.words import Described


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """How far ideas are searched."""

    ideas: int = 64  # drawn styles, besides those given
    rounds: int = 3  # of changing the best a little
    tries: int = 12  # changed styles in a round
    step: float = 0.12  # of a setting's range, at first
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("ideas", "rounds", "tries"):
            if not 0 <= getattr(self, name) <= 10_000:
                raise ConfigError(f"{name} = {getattr(self, name)}: use 0 to 10000")


def search_style(
    text: str,
    described: Described,
    vectors: MakeupVectors,
    given: Sequence[MakeupStyle] = (),
    config: SearchConfig | None = None,
) -> MakeupStyle:
    """The style that the encoder finds nearest to a description.

    Args:
        text: the whole description.
        described: what is already known of it; every result has it so.
        vectors: the encoder.
        given: ideas to start from, besides those drawn from the seed.
        config: how far to search.
    """
    config = config or SearchConfig()
    wanted = vectors.of_texts([text])[0]
    rng = np.random.default_rng(config.seed)

    def ranked(styles: Sequence[MakeupStyle]) -> tuple[float, MakeupStyle]:
        # Words are nearer to words than to pictures, and pictures show what words leave out.
        seen = vectors.of_styles(styles)
        read = vectors.of_texts([caption(style) for style in styles])
        scores = (seen + read) @ wanted
        best = int(scores.argmax())
        return float(scores[best]), styles[best]

    sampler = StyleSampler(config.seed)
    ideas = [*given, *(sampler() for _ in range(config.ideas)), described.style()]
    score, style = ranked([described.on(idea) for idea in ideas])
    for number in range(config.rounds):
        step = config.step / (1 + number)
        tries = [described.on(_changed(style, rng, step)) for _ in range(config.tries)]
        if tries:
            found, candidate = ranked(tries)
            score, style = (found, candidate) if found > score else (score, style)
    return style


def _changed(style: MakeupStyle, rng: np.random.Generator, step: float) -> MakeupStyle:
    """The style with every number and colour of what is worn moved a little."""
    layers: dict[str, Any] = {}
    for name in style.worn():
        worn = getattr(style, name)
        moved: dict[str, Any] = {}
        for setting, rule in rules(LAYERS[name]).items():
            value = getattr(worn, setting)
            if isinstance(rule, Number):
                reach = step * (rule.high - rule.low)
                floor = max(rule.low, 0.05) if setting == "opacity" else rule.low
                moved[setting] = float(np.clip(value + rng.normal(0, reach), floor, rule.high))
            elif isinstance(rule, Colour) and value.startswith("#"):
                lightness, chroma, hue = oklch_of(value)
                moved[setting] = oklch_to_hex(
                    float(np.clip(lightness + rng.normal(0, 0.3 * step), 0, 1)),
                    max(0.0, chroma + rng.normal(0, 0.15 * step)),
                    hue + rng.normal(0, 60 * step),
                )
        layers[name] = replace(worn, **moved)
    return replace(style, **layers)
