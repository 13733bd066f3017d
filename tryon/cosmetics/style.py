"""`MakeupStyle`: what a make-up artist or a shop would write down, as frozen values.

Each layer has an opacity; 0 leaves the layer out. Nothing here knows how a layer is painted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from tryon.cosmetics.schema import check, choice, colour, json_schema, number
from tryon.errors import ConfigError

STYLE_VERSION = 2
FINISHES = ("sheer", "satin", "matte", "gloss", "shimmer", "metallic", "glitter")
LAYOUTS = ("wash", "gradient", "smoky", "halo", "cut_crease", "wing", "graphic")
DECALS = ("dots", "gems", "stars", "hearts", "drops")
PLACES = ("under_eyes", "temples", "cheeks", "forehead", "nose", "everywhere")


@dataclass(frozen=True, slots=True)
class _Layer:
    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class Foundation(_Layer):
    """Evens the skin out towards one shade."""

    opacity: float = number(0.0, note="coverage")
    warmth: float = number(0.0, -1.0, 1.0, note="shift to golden (1) or rosy (-1)")
    lightness: float = number(0.0, -0.2, 0.2, note="relative change of reflectance")
    matte: float = number(0.0, note="how much of the skin's own shine is taken away")
    color: str = colour("skin", "skin", note="the shade; skin is the wearer's own")
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class Concealer(_Layer):
    """Hides shadows under the eyes and beside the nose."""

    opacity: float = number(0.0)
    color: str = colour(
        "skin", "skin", note="the shade; skin is the wearer's own, a little lighter"
    )
    lift: float = number(0.3, note="how much lighter than the skin")
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class Contour(_Layer):
    """Shade below the cheekbone, along the jaw, the hairline and the sides of the nose."""

    opacity: float = number(0.0)
    color: str = colour("#7a4a33")
    jaw: float = number(0.7)
    nose: float = number(0.4)
    forehead: float = number(0.0)
    finish: str = choice("matte", FINISHES)


@dataclass(frozen=True, slots=True)
class Blush(_Layer):
    """Colour on the cheeks."""

    opacity: float = number(0.0)
    color: str = colour("#d8616b")
    placement: float = number(0.3, note="0 on the apple of the cheek .. 1 high on the cheekbone")
    size: float = number(0.5)
    nose: float = number(0.0, note="a touch across the nose")
    draping: float = number(0.0, note="how far it reaches towards the temple")
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class Freckles(_Layer):
    """Freckles on nose and cheeks."""

    opacity: float = number(0.0)
    color: str = colour("#7a4526")
    count: float = number(0.4, note="0 few .. 1 about two hundred")
    size: float = number(0.4)
    spread: float = number(0.5, note="0 on the nose only .. 1 all over the cheeks")
    seed: float = number(0.0)


@dataclass(frozen=True, slots=True)
class Eyeshadow(_Layer):
    """Lid colour with optional crease, outer corner, inner corner and lower lash line."""

    opacity: float = number(0.0)
    lid: str = colour("#8a6a5a")
    crease: str = colour("#5a3a2a")
    crease_opacity: float = number(0.0)
    outer: str = colour("#3a2420")
    outer_opacity: float = number(0.0)
    inner: str = colour("#f0dcc0")
    inner_opacity: float = number(0.0)
    lower: str = colour("#8a6a5a")
    lower_opacity: float = number(0.0)
    height: float = number(0.55, note="0 at the lash line .. 1 at the brow")
    wing: float = number(0.0, note="how far the colour reaches past the outer corner")
    finish: str = choice("matte", FINISHES, note="of the lid; the other parts are matte")
    layout: str = choice("wash", LAYOUTS)


@dataclass(frozen=True, slots=True)
class Liner(_Layer):
    """Eyeliner along the upper lashes, with a wing and a lower line."""

    opacity: float = number(0.0)
    color: str = colour("#0c0a0a")
    thickness: float = number(0.3)
    wing: float = number(0.0)
    lift: float = number(0.5, note="steepness of the wing, 6 to 56 degrees")
    lower: float = number(0.0)
    smudge: float = number(0.0)
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class Lashes(_Layer):
    """Mascara or false lashes, hair by hair."""

    opacity: float = number(0.0)
    color: str = colour("#0a0808")
    length: float = number(0.4)
    density: float = number(0.5)
    curl: float = number(0.5)
    lower: float = number(0.3, note="lashes of the lower lid")
    seed: float = number(0.0)


@dataclass(frozen=True, slots=True)
class Brows(_Layer):
    """Brow powder, and strokes drawn as hairs."""

    opacity: float = number(0.0)
    color: str = colour("#3a2a20")
    thickness: float = number(0.0, -1.0, 1.0, note="thinner (-1, concealed) or fuller (1)")
    strokes: float = number(0.0, note="0 powder .. 1 drawn hairs")
    finish: str = choice("matte", FINISHES)


@dataclass(frozen=True, slots=True)
class Highlight(_Layer):
    """Light on the cheekbone, the bridge of the nose and the cupid's bow."""

    opacity: float = number(0.0)
    color: str = colour("#f7e3c8")
    brow_bone: float = number(0.0)
    finish: str = choice("shimmer", FINISHES)


@dataclass(frozen=True, slots=True)
class Lips(_Layer):
    """Lipstick; `opacity` is the coverage."""

    opacity: float = number(0.0, note="coverage")
    color: str = colour("#b03045")
    finish: str = choice("satin", FINISHES)
    liner: float = number(0.0, note="opacity of the lip liner")
    ombre: float = number(0.0, note="fades out (or to the second colour) towards the contour")
    blur: float = number(0.0, note="soft contour")
    overline: float = number(0.0, -1.0, 1.0, note="drawn inside (-1) or outside (1) the contour")
    liner_color: str = colour("auto", "auto", note="auto is the lipstick, darker")
    second: str = colour("none", "none", note="colour towards the contour; none shows the lips")


@dataclass(frozen=True, slots=True)
class FreePaint(_Layer):
    """Painted shapes anywhere on the face, drawn from a seed."""

    opacity: float = number(0.0)
    color: str = colour("#2060d0")
    second: str = colour("#f0d020")
    scale: float = number(0.5)
    coverage: float = number(0.3)
    sharpness: float = number(0.7)
    symmetric: float = number(1.0)
    seed: float = number(0.0)
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class Decals(_Layer):
    """Stickers and gems."""

    opacity: float = number(0.0)
    color: str = colour("#f4d060")
    kind: str = choice("dots", DECALS)
    place: str = choice("under_eyes", PLACES)
    count: float = number(0.4, note="0 one .. 1 twelve on each side")
    size: float = number(0.4)
    symmetric: float = number(1.0)
    seed: float = number(0.0)
    finish: str = choice("satin", FINISHES)


@dataclass(frozen=True, slots=True)
class MakeupStyle:
    """A whole make-up, layer by layer in painting order."""

    foundation: Foundation = field(default_factory=Foundation)
    concealer: Concealer = field(default_factory=Concealer)
    contour: Contour = field(default_factory=Contour)
    blush: Blush = field(default_factory=Blush)
    freckles: Freckles = field(default_factory=Freckles)
    eyeshadow: Eyeshadow = field(default_factory=Eyeshadow)
    liner: Liner = field(default_factory=Liner)
    lashes: Lashes = field(default_factory=Lashes)
    brows: Brows = field(default_factory=Brows)
    highlight: Highlight = field(default_factory=Highlight)
    lips: Lips = field(default_factory=Lips)
    paint: FreePaint = field(default_factory=FreePaint)
    decals: Decals = field(default_factory=Decals)

    def worn(self) -> tuple[str, ...]:
        """Names of the layers that show, in painting order."""
        return tuple(name for name in LAYERS if getattr(self, name).opacity > 0)

    def over(self, under: MakeupStyle) -> MakeupStyle:
        """This style put on over another: its layers replace their like, the others stay."""
        return replace(under, **{name: getattr(self, name) for name in self.worn()})

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dump`, with the version of the schema."""
        return {"version": STYLE_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MakeupStyle:
        """Read what `to_json` wrote, or any part of it.

        Version 1 had fewer layers and settings, all of which mean the same here.

        Raises:
            ConfigError: an unknown version or name, or a bad value.
        """
        version = data.get("version", STYLE_VERSION)
        if isinstance(version, bool) or version not in range(1, STYLE_VERSION + 1):
            raise ConfigError(
                f"MakeupStyle version is {version!r}; this reads 1 to {STYLE_VERSION}: "
                "update tryon, or write the style for an older version"
            )
        layers: dict[str, Any] = {}
        for name, values in data.items():
            if name == "version":
                continue
            if name not in LAYERS:
                raise ConfigError(f"MakeupStyle has no layer {name!r}; it has {', '.join(LAYERS)}")
            if not isinstance(values, Mapping):
                raise ConfigError(f"MakeupStyle.{name} must be an object of settings")
            known = {item.name for item in fields(LAYERS[name])}
            for key in values:
                if key not in known:
                    raise ConfigError(f"{name} has no setting {key!r}; it has {', '.join(known)}")
            layers[name] = LAYERS[name](**values)
        return cls(**layers)


LAYERS: dict[str, type[Any]] = get_type_hints(MakeupStyle)
"""Name of each layer and its class, in painting order."""


def style_schema() -> dict[str, Any]:
    """The JSON Schema of a style; `assets/makeup_style.schema.json` holds the same."""
    return json_schema("MakeupStyle", STYLE_VERSION, LAYERS)
