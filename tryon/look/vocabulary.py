"""What makeup words mean: phrase -> a layer, a colour, or settings that depend on the layer.

A table and nothing else; every word that `tryon.cosmetics.captions` says is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tryon.cosmetics.colours import NAMES

Settings = Mapping[str, float | str]
STRENGTH = "strength"
"""Stands for the setting that says how strongly a layer, or a part of it, is put on."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A product or a part of the face, and what the word alone says about it."""

    layer: str
    colour: str = "color"  # setting that a colour goes to
    strength: str = "opacity"  # setting that a strength goes to
    says: Settings = field(default_factory=dict)


def _part(name: str) -> Noun:
    return Noun("eyeshadow", name, f"{name}_opacity")


_NOUNS: tuple[tuple[Noun, str], ...] = (
    (Noun("foundation"), "foundation, base, complexion"),
    (Noun("concealer"), "concealer, concealed under eyes, concealed eyes, under eyes"),
    (Noun("contour"), "contour, contouring"),
    (Noun("blush"), "blush, rouge, blusher, cheeks"),
    (Noun("freckles"), "freckles"),
    (Noun("eyeshadow", "lid"), "eyes, eye, eyeshadow, eye shadow, shadow, lids, lid, eyelids"),
    (Noun("eyeshadow", "lid", says={"layout": "cut_crease"}), "cut crease"),
    (_part("crease"), "crease"),
    (_part("outer"), "outer corners, outer corner"),
    (_part("inner"), "inner corners, inner corner"),
    (_part("lower"), "lower lash line, lower lids"),
    (Noun("liner"), "eyeliner, eye liner, liner, kohl"),
    (Noun("liner", says={"wing": 0.8}), "cat eye, cat eyes, wings, flick"),
    (Noun("lashes"), "lashes, mascara"),
    (Noun("lashes", says={"length": 0.85, "density": 0.8}), "false lashes, dramatic lashes"),
    (Noun("brows"), "brows, brow, eyebrows"),
    (Noun("highlight"), "highlighter, highlight, glow"),
    (Noun("lips"), "lips, lip, lipstick, mouth"),
    (Noun("lips", says={"finish": "gloss"}), "lip gloss, lipgloss"),
    (Noun("lips", says={"finish": "sheer"}), "lip stain, lip tint, lip balm"),
    (Noun("lips", "liner_color", "liner", {"liner": 0.7}), "lip liner"),
    (Noun("paint"), "face paint, painted shapes, paint"),
    (Noun("decals"), "decals, stickers"),
    (Noun("decals", says={"kind": "dots"}), "dots"),
    (Noun("decals", says={"kind": "gems"}), "gems, rhinestones, crystals"),
    (Noun("decals", says={"kind": "stars"}), "stars"),
    (Noun("decals", says={"kind": "hearts"}), "hearts"),
    (Noun("decals", says={"kind": "drops"}), "drops, tears"),
)

COLOURS: dict[str, str] = {
    **NAMES,
    **{word: NAMES[name] for word, name in {
        "gray": "grey", "golden": "gold", "rosy": "rose", "bordeaux": "burgundy",
        "aqua": "turquoise", "coppery": "copper", "bronzed": "bronze", "maroon": "burgundy",
        "oxblood": "burgundy", "brick": "brick red", "blood red": "crimson", "cherry": "crimson",
        "ruby": "crimson", "fawn": "taupe", "sand": "beige", "camel": "tan", "coffee": "mocha",
        "salmon": "coral", "eggplant": "aubergine", "jet black": "black", "pearl": "ivory",
        "baby pink": "blush pink", "neon pink": "hot pink", "royal blue": "cobalt",
        "jade": "emerald", "cranberry": "raspberry", "cinnamon": "rust"}.items()},
}  # fmt: skip
"""Phrase -> sRGB."""

_ANY = "*"  # whatever the layer
_ADJECTIVES: dict[str, dict[str, Settings]] = {
    "hint of, barely there, whisper of": {_ANY: {STRENGTH: 0.22}},
    "soft, subtle, gentle, faint, natural": {
        # A colour that is named has to be seen.
        _ANY: {STRENGTH: 0.45}, "lips": {STRENGTH: 0.59}, "eyeshadow": {STRENGTH: 0.59}},
    "sculpted": {_ANY: {STRENGTH: 0.7}},
    "strong, dramatic, blinding, intense": {_ANY: {STRENGTH: 0.8}},
    "bold": {_ANY: {STRENGTH: 0.78}},
    "opaque, full coverage, heavily": {_ANY: {STRENGTH: 0.95}, "foundation": {STRENGTH: 0.75}},
    "sheer, tinted": {_ANY: {"finish": "sheer"}, "foundation": {STRENGTH: 0.35}},
    "satin, creamy": {_ANY: {"finish": "satin"}},
    "matte, velvet, velvety, powdered, powdery": {
        _ANY: {"finish": "matte"}, "foundation": {"matte": 0.65, "finish": "matte"}},
    "glossy, gloss, shiny, wet, vinyl": {_ANY: {"finish": "gloss"}},
    "shimmery, pearly, shimmering, shimmer, frosted, dewy": {_ANY: {"finish": "shimmer"}},
    "metallic, foiled, chrome": {_ANY: {"finish": "metallic"}},
    "glitter, sparkling, glittery, sparkly": {_ANY: {"finish": "glitter"}},
    "wash": {"eyeshadow": {"layout": "wash"}},
    "gradient, blended": {"eyeshadow": {"layout": "gradient"}, "lips": {"ombre": 0.65}},
    "smoky, smokey": {"eyeshadow": {"layout": "smoky"}, "liner": {"smudge": 0.7}},
    "halo": {"eyeshadow": {"layout": "halo"}},
    "winged, wing": {"eyeshadow": {"layout": "wing"}, "liner": {"wing": 0.7}},
    "cat": {"liner": {"wing": 0.7}, "eyeshadow": {"layout": "wing"}},
    "graphic": {"eyeshadow": {"layout": "graphic"}, "liner": {"thickness": 0.7, "wing": 0.7}},
    "smudged, smudgy": {"liner": {"smudge": 0.7}, "eyeshadow": {"layout": "smoky"},
                        "lips": {"blur": 0.6}},
    "thin, fine": {"liner": {"thickness": 0.15}, "brows": {"thickness": -0.4}},
    "thick": {"liner": {"thickness": 0.65}, "brows": {"thickness": 0.5}, "lashes": {"density": .8}},
    "heavy": {_ANY: {STRENGTH: 0.85}, "liner": {"thickness": 0.65}, "foundation": {STRENGTH: 0.7}},
    "full": {_ANY: {STRENGTH: 0.85}, "brows": {"thickness": 0.5}, "lips": {"overline": 0.4}},
    "defined, filled in": {_ANY: {STRENGTH: 0.7}, "lashes": {}},
    "long": {"lashes": {"length": 0.8}},
    "above and below": {"liner": {"lower": 0.7}},
    "with darker liner, darker liner, lined": {"lips": {"liner": 0.6}},
    "fading outwards, ombre": {"lips": {"ombre": 0.65}, "eyeshadow": {"layout": "gradient"}},
    "with blurred edges, blurred, blurry": {"lips": {"blur": 0.65}},
    "overlined": {"lips": {"overline": 0.6}},
    "many": {"freckles": {"count": 0.8}, "decals": {"count": 0.8}},
    "a few, few": {"freckles": {"count": 0.25}, "decals": {"count": 0.2}},
    "high on the cheekbones, on the cheekbones, cheekbones": {"blush": {"placement": 0.8}},
    "on the apples of the cheeks, on the cheeks": {
        "blush": {"placement": 0.2}, "decals": {"place": "cheeks"}},
    "and across the nose, across the nose": {"blush": {"nose": 0.5}},
    "draped": {"blush": {"draping": 0.7}},
    "under the eyes": {"decals": {"place": "under_eyes"}, "concealer": {}},
    "at the temples": {"decals": {"place": "temples"}},
    "on the forehead": {"decals": {"place": "forehead"}},
    "on the nose": {"decals": {"place": "nose"}, "freckles": {"spread": 0.1}},
    "all over the face, everywhere": {"decals": {"place": "everywhere"}, "paint": {"coverage": .6}},
    "warm": {"foundation": {"warmth": 0.55}},
    "rosy": {"foundation": {"warmth": -0.55}},
    "light": {layer: {STRENGTH: 0.35} for layer in ("foundation", "contour", "blush", "brows")},
}  # fmt: skip

SHADES: dict[str, tuple[float, float, float]] = {
    # lightness towards black (< 0) or white (> 0), factor of chroma, turn of hue in degrees
    "dark": (-0.32, 1.0, 0), "darkest": (-0.5, 1.0, 0), "deep": (-0.22, 1.1, 0),
    "light": (0.35, 0.85, 0), "pale": (0.5, 0.6, 0), "bright": (0.08, 1.35, 0),
    "vivid": (0.04, 1.4, 0), "muted": (0.0, 0.55, 0), "dusty": (0.05, 0.55, 0),
    "warm": (0.0, 1.05, 10), "cool": (0.0, 0.95, -14), "pastel": (0.55, 0.55, 0),
    "neon": (0.2, 1.8, 0),
}  # fmt: skip
"""Word -> how it changes the colour it goes with."""

SECOND: dict[str, tuple[str, Settings]] = {
    "lips": ("second", {"ombre": 0.6}),
    "eyeshadow": ("crease", {"crease_opacity": 0.7}),
    "paint": ("second", {}),
}
"""Layer -> where its second colour goes, and what else that says."""

NONE = ("no makeup", "bare face", "nothing on", "without makeup")
NOT = ("no", "without", "bare")
BREAKS = (",", ";", ".", "with", "plus", "wearing")
ALSO = ("and", "&", "+")
SILENT = frozenset(
    "a an the of in on at to for very some my her his their is are it look makeup make up "
    "color colour colored coloured shade tone finish style face : / applied touch".split()
)
"""Words that say nothing by themselves."""


def _spread(table: Mapping[str, dict[str, Settings]]) -> dict[str, dict[str, Settings]]:
    return {word: said for words, said in table.items() for word in words.split(", ")}


NOUNS = {word: noun for noun, words in _NOUNS for word in words.split(", ")}
ADJECTIVES = _spread(_ADJECTIVES)
