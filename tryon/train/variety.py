"""How much training pictures vary; every range is drawn uniformly.

Only numbers: `people` and `disturb` say what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

from tryon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Ranges and shares of what makes one picture of a person unlike another.

    The light varies as a camera with automatic exposure leaves it. Wider ranges teach nothing: with
    the light unknown the right colour is unknown, and the student learns to hedge.
    """

    exposure: float = 0.3  # +- stops
    white_balance: float = 0.06  # +- relative gain of red and blue
    side_light: float = 0.35  # +- relative light from one side of the face to the other
    noise: float = 0.025  # sensor noise, sigma at most, of 1
    blur: float = 3.0  # resolution is lost by up to this factor
    veiled: float = 0.0  # share of sources behind stray light, their colours pale
    smeared: float = 0.0  # share of sources with their colour in large blocks
    poorly_lit: float = 0.0  # share of sources in little, warm or cool light
    references_poorly_lit: float = 0.0  # the same of references
    reflected: float = 0.0  # share of references with coloured light on one side of the face
    jitter: float = 1.2  # texels of a 256 atlas by which landmarks err
    occluded: float = 0.4  # share of sources with a thing, no hand, in front of the face
    hidden: float = 0.15  # the same of references: it tells nothing about the makeup
    turned: float = 0.25  # share of pictures whose one side is turned away
    worn: float = 0.08  # share of sources that wear the style already: nothing is to be added
    other: float = 0.0  # share of styles whose sources all wear another one before
    removed: float = 0.0  # share of made-up sources that shall lose it all; of bare ones a quarter
    everyday: float = 0.0  # share of styles whose eye makeup is as people wear it, dark and muted
    bare: float = 0.0  # share of styles that are no makeup at all, beside the sampler's own
    morph: float = 0.5  # share of people who are half somebody else of the same split
    complexion: float = 0.35  # +- optical density of melanin put on a person's skin, in blue light
    held_out: int = 96  # pairs for validation

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a number in 0..1000")


CALM = DataConfig(
    exposure=0,
    white_balance=0,
    side_light=0,
    noise=0,
    blur=1,
    jitter=0,
    occluded=0,
    hidden=0,
    turned=0,
    worn=0,
    morph=0,
    complexion=0,
)
"""Pictures as a good camera takes them in one light: only the people differ."""

HARD = DataConfig(morph=0, complexion=0)
"""Light, noise, cover and errors as in training; people as they are."""

LIVED_IN = DataConfig(
    other=0.35,
    removed=0.3,
    everyday=0.5,
    bare=0.1,
    reflected=0.25,
    occluded=0.5,
    veiled=0.3,
    smeared=0.3,
    poorly_lit=0.45,
    references_poorly_lit=0.2,
    blur=4.5,
)
"""What a student is trained on: people who come made up, too, and may want it off."""
