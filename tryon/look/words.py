"""A description -> what it says of each layer, by a table of words; deterministic, no network.

"soft matte brick-red lips, taupe smoky eyes" names layers, colours, finishes and shapes. What it
does not know it gives back, and never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tryon.cosmetics import style as st
from tryon.cosmetics.colours import oklch_of, oklch_to_hex
from tryon.cosmetics.schema import rules
from tryon.look.style_file import USUAL
from tryon.look.vocabulary import (
    ADJECTIVES,
    ALSO,
    BREAKS,
    COLOURS,
    NONE,
    NOT,
    NOUNS,
    SECOND,
    SHADES,
    SILENT,
    STRENGTH,
    Noun,
)

LONGEST = 6  # words of a phrase
_PHRASES = frozenset((*NOUNS, *ADJECTIVES, *COLOURS, *SHADES, *NONE, *NOT, *BREAKS, *ALSO))


@dataclass(frozen=True, slots=True)
class Described:
    """What a description says."""

    layers: Mapping[str, Mapping[str, Any]]  # layer -> settings, `opacity` always among them
    without: frozenset[str] = frozenset()  # layers it wants left out
    unknown: tuple[str, ...] = ()  # words that are not in the table, or belong to no layer

    @property
    def says_something(self) -> bool:
        """Whether any layer is wanted, or wanted left out."""
        return bool(self.layers or self.without)

    def on(self, style: st.MakeupStyle) -> st.MakeupStyle:
        """A style with everything as described; what is not described stays."""
        worn = {name: replace(getattr(style, name), **said) for name, said in self.layers.items()}
        bare = {name: st.LAYERS[name]() for name in self.without}
        return replace(style, **(bare | worn))

    def style(self) -> st.MakeupStyle:
        """What is described and nothing else, with usual values for what is not said."""
        style = self.on(st.MakeupStyle())
        return replace(style, eyeshadow=_usual_shades(style.eyeshadow, self.layers))


@dataclass(slots=True)
class _Chunk:
    """The words between two breaks."""

    phrases: list[str] = field(default_factory=list)
    denied: bool = False  # "no", "without"
    joins: bool = False  # "and" follows: words without a noun belong to the next one

    @property
    def nouns(self) -> list[int]:
        return [i for i, phrase in enumerate(self.phrases) if phrase in NOUNS]


def read_description(text: str) -> Described:
    """Read a description in English.

    Args:
        text: such as "deep plum glossy lips and a thin cat eye, no blush"; #rrggbb is a colour.
    """
    chunks: list[_Chunk] = [_Chunk()]
    unknown, without = [], set()
    for phrase in _phrases(text):
        if phrase in NONE:
            without |= set(st.LAYERS)
        elif phrase in BREAKS or phrase in ALSO:
            chunks[-1].joins = phrase in ALSO
            chunks.append(_Chunk())
        elif phrase in NOT:
            chunks[-1].denied = True
        elif phrase in _PHRASES or phrase.startswith("#"):
            chunks[-1].phrases.append(phrase)
        elif phrase not in SILENT:
            unknown.append(phrase)
    if not any(chunk.nouns for chunk in chunks):  # colours of nothing
        unknown += [phrase for chunk in chunks for phrase in chunk.phrases]
    said: dict[str, dict[str, Any]] = {}
    for noun, phrases, denied in _grouped(chunks):
        if denied:
            without.add(noun.layer)
        else:
            _apply(said.setdefault(noun.layer, {}), noun, phrases)
    for layer, settings in said.items():
        settings.setdefault("opacity", USUAL.get(_USUAL_NAME.get(layer, layer), 0.7))
    return Described(said, frozenset(without - said.keys()), tuple(unknown))


_USUAL_NAME = {"eyeshadow": "lids"}


def _phrases(text: str) -> Iterator[str]:
    """The longest phrases of the table, else single words."""
    words = re.findall(r"#[0-9a-f]{6}\b|[a-z0-9]+|[,;.:&+/]", text.lower().replace("'", ""))
    at = 0
    while at < len(words):
        for count in range(min(LONGEST, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + count])
            if phrase in _PHRASES or count == 1:
                yield phrase
                at += count
                break


def _grouped(chunks: Sequence[_Chunk]) -> Iterator[tuple[Noun, list[str], bool]]:
    """Each noun with the phrases that describe it.

    Before a noun is its own; what follows the last noun of a chunk is its, too. A chunk without a
    noun belongs to the noun before, or after it where "and" follows or there was none.
    """
    last: Noun | None = None
    waiting: list[str] = []
    for chunk in chunks:
        places = chunk.nouns
        if not places:
            if last is None or chunk.joins:
                waiting += chunk.phrases
            else:
                yield last, chunk.phrases, False
            continue
        start = 0
        for number, place in enumerate(places):
            last = NOUNS[chunk.phrases[place]]
            end = len(chunk.phrases) if number + 1 == len(places) else place
            own = [p for p in chunk.phrases[start:end] if p not in NOUNS]
            yield last, waiting + own, chunk.denied
            waiting, start = [], place + 1
    if waiting and last is not None:
        yield last, waiting, False


def _apply(settings: dict[str, Any], noun: Noun, phrases: Sequence[str]) -> None:
    """Add what a noun and its phrases say to a layer's settings."""
    known = rules(st.LAYERS[noun.layer])
    colours: list[str] = []
    shades: list[str] = []

    def add(said: Mapping[str, Any]) -> None:
        for name, value in said.items():
            name = noun.strength if name == STRENGTH else name
            if name in known and not (name == "finish" and noun.colour not in ("color", "lid")):
                settings[name] = value

    add(noun.says)
    for phrase in phrases:
        for_layer = ADJECTIVES.get(phrase, {})
        if phrase in COLOURS and noun.layer not in for_layer:
            colours.append(_shaded(COLOURS[phrase], shades))
            shades = []
        elif phrase.startswith("#"):
            colours.append(phrase)
        elif noun.layer in for_layer or (phrase not in SHADES and phrase in ADJECTIVES):
            add(for_layer.get(noun.layer, for_layer.get("*", {})))
        elif phrase in SHADES:
            shades.append(phrase)
    if noun.strength not in ("opacity", "liner"):  # a part of a layer shows when it is named
        settings.setdefault(noun.strength, 0.75)
    if noun.colour not in known:
        return
    usual = str(settings.get(noun.colour, getattr(st.LAYERS[noun.layer](), noun.colour)))
    if shades and not colours and usual.startswith("#"):
        colours = [_shaded(usual, shades)]
    if colours:
        settings[noun.colour] = colours[0]
    if len(colours) > 1 and noun.layer in SECOND and noun.colour in ("color", "lid"):
        name, more = SECOND[noun.layer]
        settings.update({name: colours[1], **more})


def _shaded(color: str, shades: Sequence[str]) -> str:
    """A colour made darker, paler and so on."""
    if not shades:
        return color
    lightness, chroma, hue = oklch_of(color)
    for word in shades:
        towards, factor, turn = SHADES[word]
        lightness += towards * ((1 - lightness) if towards > 0 else lightness)
        chroma, hue = chroma * factor, hue + turn
    return oklch_to_hex(lightness, chroma, hue)


_PARTS: dict[str, dict[str, float]] = {
    "smoky": {"crease_opacity": 0.5, "outer_opacity": 0.65, "lower_opacity": 0.5},
    "halo": {"crease_opacity": 0.8, "inner_opacity": 0.3},
    "cut_crease": {"crease_opacity": 0.85, "inner_opacity": 0.3},
    "gradient": {"crease_opacity": 0.45, "outer_opacity": 0.35},
    "wing": {"outer_opacity": 0.5, "crease_opacity": 0.3},
    "graphic": {"crease_opacity": 0.8},
}
"""Layout -> parts that belong to it, unless they are described."""


def _usual_shades(shadow: st.Eyeshadow, layers: Mapping[str, Mapping[str, Any]]) -> st.Eyeshadow:
    """Crease, outer corner and lower lids in darker tones of the lid."""
    if "eyeshadow" not in layers:
        return shadow
    lightness, chroma, hue = oklch_of(shadow.lid)
    tones = {"crease": 0.62, "outer": 0.45, "lower": 0.85}
    usual: dict[str, Any] = {
        name: oklch_to_hex(lightness * share, chroma, hue) for name, share in tones.items()
    } | _PARTS.get(shadow.layout, {})
    said = layers["eyeshadow"]
    return replace(shadow, **{name: v for name, v in usual.items() if name not in said})
