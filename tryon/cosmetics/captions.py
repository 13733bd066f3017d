"""Style -> words: what a person would say of a make-up, from the same values that are painted.

Deterministic under a seed, which chooses synonyms, order and what is left out. It never looks at a
picture.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tryon.cosmetics.colours import name_of
from tryon.cosmetics.style import MakeupStyle

FORMS = ("full", "short", "slots")

_FINISH = {
    "sheer": ("sheer", "tinted"), "satin": ("satin", "creamy"), "matte": ("matte", "velvet"),
    "gloss": ("glossy", "shiny"), "shimmer": ("shimmery", "pearly"),
    "metallic": ("metallic", "foiled"), "glitter": ("glitter", "sparkling"),
}  # fmt: skip
_LAYOUT = {
    "wash": ("eyeshadow", "lids"), "gradient": ("gradient eyeshadow", "blended lids"),
    "smoky": ("smoky eyes", "smokey eye"), "halo": ("halo eyes", "halo eyeshadow"),
    "cut_crease": ("cut crease", "cut-crease eyes"), "wing": ("winged eyeshadow", "winged shadow"),
    "graphic": ("graphic eyeshadow", "graphic eyes"),
}  # fmt: skip
_PLACE = {
    "under_eyes": "under the eyes", "temples": "at the temples", "cheeks": "on the cheeks",
    "forehead": "on the forehead", "nose": "on the nose", "everywhere": "all over the face",
}  # fmt: skip
_NONE = ("no makeup", "bare face", "nothing on")

Say = Callable[..., str]


def strength(opacity: float) -> str:
    """The adverb of a coverage."""
    if opacity < 0.3:
        return "hint of"
    if opacity < 0.6:
        return "soft"
    return "bold" if opacity < 0.85 else "opaque"


def caption(style: MakeupStyle, seed: int = 0, form: str = "full", dropout: float = 0.0) -> str:
    """Describe a style.

    Args:
        style: what is worn.
        seed: the same seed gives the same words.
        form: `full` phrases, a `short` list of the boldest, or `slots` such as "lips: red matte".
        dropout: share of words and layers left out, 0..1; at least one layer is said.

    Returns:
        One line of lower-case words.
    """
    rng = random.Random(f"{seed}/{form}")
    worn = style.worn()
    if not worn:
        return rng.choice(_NONE)

    def maybe(*words: str) -> str:
        word = rng.choice(words)
        return "" if rng.random() < dropout else word

    kept = [name for name in worn if rng.random() >= dropout] or [rng.choice(worn)]
    if form == "slots":
        phrases = [f"{name}: {_slot(style, name)}" for name in kept]
        return "; ".join(phrases)
    if form == "short":
        ranked = sorted(kept, key=lambda name: -_weight(style, name))[:2]
        enough = 0.5 * _weight(style, ranked[0])
        loud = [name for name in ranked if _weight(style, name) >= enough]
        return ", ".join(_short(style, name, rng.choice) for name in loud)
    rng.shuffle(kept)
    phrases = [" ".join(_PHRASES[name](style, maybe).split()) for name in kept]
    return ", ".join(filter(None, phrases)) or _short(style, kept[0], rng.choice)


def _weight(style: MakeupStyle, name: str) -> float:
    """How much a layer catches the eye."""
    loud = {"lips": 1.2, "eyeshadow": 1.15, "paint": 1.5, "decals": 1.1, "liner": 0.8, "blush": 0.6}
    return loud.get(name, 0.35) * float(getattr(style, name).opacity)


def _color(style: MakeupStyle, name: str) -> str:
    layer = getattr(style, name)
    color = layer.lid if name == "eyeshadow" else layer.color
    return name_of(color) if color.startswith("#") else ""


def _slot(style: MakeupStyle, name: str) -> str:
    layer = getattr(style, name)
    parts = [strength(layer.opacity), _color(style, name), getattr(layer, "finish", "")]
    if name == "eyeshadow":
        parts.append(layer.layout.replace("_", " "))
    return " ".join(part for part in parts if part)


def _short(style: MakeupStyle, name: str, choose: Callable[[tuple[str, ...]], str]) -> str:
    nouns = {"eyeshadow": _LAYOUT[style.eyeshadow.layout], "paint": ("face paint",),
             "liner": ("eyeliner",), "highlight": ("highlighter", "glow")}  # fmt: skip
    noun = choose(nouns.get(name, (name,)))
    return f"{_color(style, name)} {noun}".strip()


def _foundation(style: MakeupStyle, say: Say) -> str:
    f = style.foundation
    matte = say("matte", "powdered") if f.matte > 0.45 else ""
    tone = "" if abs(f.warmth) < 0.35 else say("warm" if f.warmth > 0 else "rosy")
    full = say("full-coverage", "heavy") if f.opacity > 0.6 else say("light", "sheer")
    return f"{full} {matte} {tone} foundation"


def _concealer(style: MakeupStyle, say: Say) -> str:
    return say("concealed under-eyes", "concealer") or "concealer"


def _contour(style: MakeupStyle, say: Say) -> str:
    how = say("sculpted", "strong") if style.contour.opacity > 0.55 else say("soft", "light")
    return f"{how} contour"


def _blush(style: MakeupStyle, say: Say) -> str:
    b = style.blush
    where = ("high on the cheekbones", "on the cheekbones") if b.placement > 0.55 else (
        "on the apples of the cheeks", "on the cheeks")  # fmt: skip
    across = say("and across the nose") if b.nose > 0.25 else ""
    noun = say("blush", "rouge") or "blush"
    return f"{say(strength(b.opacity))} {_color(style, 'blush')} {noun} {say(*where)} {across}"


def _freckles(style: MakeupStyle, say: Say) -> str:
    return f"{say('many' if style.freckles.count > 0.5 else 'a few')} freckles"


def _eyeshadow(style: MakeupStyle, say: Say) -> str:
    e = style.eyeshadow
    noun = say(*_LAYOUT[e.layout]) or "eyeshadow"
    crease = ""
    if e.crease_opacity > 0.35 and name_of(e.crease) != name_of(e.lid):
        crease = say(f"with {name_of(e.crease)} in the crease", f"{name_of(e.crease)} crease")
    bright = say("bright inner corners") if e.inner_opacity > 0.4 else ""
    finish = say(*_FINISH[e.finish])
    return f"{say(strength(e.opacity))} {finish} {name_of(e.lid)} {noun} {crease} {bright}"


def _liner(style: MakeupStyle, say: Say) -> str:
    x = style.liner
    size = say("thin", "fine") if x.thickness < 0.3 else say("thick", "heavy")
    kind = "smudged" if x.smudge > 0.45 else "winged" if x.wing > 0.4 else ""
    kind = say(kind, {"winged": "cat"}.get(kind, kind)) if kind else ""
    lower = say("above and below") if x.lower > 0.4 else ""
    return f"{size} {kind} {_color(style, 'liner')} {say('eyeliner', 'liner') or 'liner'} {lower}"


def _lashes(style: MakeupStyle, say: Say) -> str:
    x = style.lashes
    false = x.length > 0.55 and x.density > 0.5
    return say("false lashes", "dramatic lashes") if false else say("mascara", "defined lashes")


def _brows(style: MakeupStyle, say: Say) -> str:
    b = style.brows
    shape = say("full", "thick") if b.thickness > 0.25 else say("defined", "filled-in")
    return f"{shape} {_color(style, 'brows')} brows"


def _highlight(style: MakeupStyle, say: Say) -> str:
    how = say("blinding", "strong") if style.highlight.opacity > 0.6 else say("subtle", "soft")
    return f"{how} {_color(style, 'highlight')} {say('highlighter', 'glow') or 'highlighter'}"


def _lips(style: MakeupStyle, say: Say) -> str:
    x = style.lips
    kind = say(*_FINISH[x.finish])
    extra = ""
    if x.ombre > 0.4:
        extra = say("fading outwards", "ombre")
    elif x.liner > 0.35:
        extra = say("with darker liner", "lined")
    elif x.blur > 0.4:
        extra = say("with blurred edges")
    noun = say("lips", "lipstick") or "lips"
    return f"{say(strength(x.opacity))} {kind} {_color(style, 'lips')} {noun} {extra}"


def _paint(style: MakeupStyle, say: Say) -> str:
    p = style.paint
    return f"{name_of(p.color)} and {name_of(p.second)} {say('face paint', 'painted shapes')}"


def _decals(style: MakeupStyle, say: Say) -> str:
    d = style.decals
    return f"{_color(style, 'decals')} {d.kind} {say(_PLACE[d.place])}"


_PHRASES: dict[str, Callable[[MakeupStyle, Say], str]] = {
    "foundation": _foundation, "concealer": _concealer, "contour": _contour, "blush": _blush,
    "freckles": _freckles, "eyeshadow": _eyeshadow, "liner": _liner, "lashes": _lashes,
    "brows": _brows, "highlight": _highlight, "lips": _lips, "paint": _paint, "decals": _decals,
}  # fmt: skip
