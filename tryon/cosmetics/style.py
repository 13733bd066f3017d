"""`MakeupStyle`: what a make-up artist would write down, as frozen values.

Each layer has an opacity; 0 leaves the layer out. Nothing here knows how a layer is painted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_type_hints

from tryon.errors import ConfigError

FINISHES = ("sheer", "satin", "matte", "gloss", "shimmer", "metallic")
STYLE_VERSION = 1
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_RANGES = {"warmth": (-1.0, 1.0), "lightness": (-0.2, 0.2), "opacity": (0.0, 1.0)}


def _check(layer: object) -> None:
    """Raise `ConfigError` naming field, value and range."""
    for item in fields(layer):  # type: ignore[arg-type]
        value = getattr(layer, item.name)
        where = f"{type(layer).__name__}.{item.name}"
        if item.name == "finish":
            if value not in FINISHES:
                raise ConfigError(f"{where} is {value!r}; choose from {', '.join(FINISHES)}")
        elif isinstance(item.default, str):
            if not (isinstance(value, str) and _HEX.fullmatch(value)):
                raise ConfigError(f"{where} is {value!r}; give a colour as #rrggbb")
        else:
            low, high = _RANGES.get(item.name, (0.0, 1.0))
            if not (isinstance(value, int | float) and low <= value <= high):  # also catches NaN
                raise ConfigError(f"{where} is {value!r}; give a number in [{low:g}, {high:g}]")


@dataclass(frozen=True, slots=True)
class _Layer:
    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Foundation(_Layer):
    """Evens the skin out; `warmth` and `lightness` shift it."""

    opacity: float = 0.0
    warmth: float = 0.0
    lightness: float = 0.0
    matte: float = 0.0  # takes the shine away


@dataclass(frozen=True, slots=True)
class Contour(_Layer):
    """Shade below the cheekbone, along the jaw and the sides of the nose."""

    opacity: float = 0.0
    color: str = "#7a4a33"
    jaw: float = 0.7
    nose: float = 0.4


@dataclass(frozen=True, slots=True)
class Highlight(_Layer):
    """Light on the cheekbone, the bridge of the nose and the cupid's bow."""

    opacity: float = 0.0
    color: str = "#f7e3c8"


@dataclass(frozen=True, slots=True)
class Blush(_Layer):
    """Colour on the cheeks; placement 0 = apple, 1 = high on the cheekbone."""

    opacity: float = 0.0
    color: str = "#d8616b"
    placement: float = 0.3
    size: float = 0.5
    nose: float = 0.0  # a touch across the nose


@dataclass(frozen=True, slots=True)
class Brows(_Layer):
    """Brow powder."""

    opacity: float = 0.0
    color: str = "#3a2a20"


@dataclass(frozen=True, slots=True)
class Eyeshadow(_Layer):
    """Lid colour with optional crease, outer corner, inner corner and lower lash line."""

    opacity: float = 0.0
    lid: str = "#8a6a5a"
    crease: str = "#5a3a2a"
    crease_opacity: float = 0.0
    outer: str = "#3a2420"
    outer_opacity: float = 0.0
    inner: str = "#f0dcc0"
    inner_opacity: float = 0.0
    lower: str = "#8a6a5a"
    lower_opacity: float = 0.0
    height: float = 0.55  # 0 at the lash line .. 1 at the brow
    wing: float = 0.0  # how far the colour reaches past the outer corner
    finish: str = "matte"


@dataclass(frozen=True, slots=True)
class Liner(_Layer):
    """Eyeliner along the upper lashes, with a wing and a lower line."""

    opacity: float = 0.0
    color: str = "#0c0a0a"
    thickness: float = 0.3
    wing: float = 0.0
    lower: float = 0.0
    smudge: float = 0.0


@dataclass(frozen=True, slots=True)
class Lips(_Layer):
    """Lipstick; `opacity` is the coverage."""

    opacity: float = 0.0
    color: str = "#b03045"
    finish: str = "satin"
    liner: float = 0.0
    ombre: float = 0.0  # fades out towards the contour
    blur: float = 0.0  # soft contour


@dataclass(frozen=True, slots=True)
class FreePaint(_Layer):
    """Painted shapes anywhere on the face, drawn from a seed."""

    opacity: float = 0.0
    color: str = "#2060d0"
    second: str = "#f0d020"
    scale: float = 0.5
    coverage: float = 0.3
    sharpness: float = 0.7
    symmetric: float = 1.0
    seed: float = 0.0


@dataclass(frozen=True, slots=True)
class MakeupStyle:
    """A whole make-up, layer by layer in painting order."""

    foundation: Foundation = field(default_factory=Foundation)
    contour: Contour = field(default_factory=Contour)
    blush: Blush = field(default_factory=Blush)
    eyeshadow: Eyeshadow = field(default_factory=Eyeshadow)
    liner: Liner = field(default_factory=Liner)
    brows: Brows = field(default_factory=Brows)
    highlight: Highlight = field(default_factory=Highlight)
    lips: Lips = field(default_factory=Lips)
    paint: FreePaint = field(default_factory=FreePaint)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dump`, with the version of the schema."""
        return {"version": STYLE_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MakeupStyle:
        """Read what `to_json` wrote; unknown names and bad values raise `ConfigError`."""
        version = data.get("version", STYLE_VERSION)
        if version != STYLE_VERSION:
            raise ConfigError(f"MakeupStyle version is {version!r}; this reads {STYLE_VERSION}")
        kinds = get_type_hints(cls)
        layers: dict[str, Any] = {}
        for name, values in data.items():
            if name == "version":
                continue
            if name not in kinds:
                raise ConfigError(f"MakeupStyle has no layer {name!r}; it has {', '.join(kinds)}")
            if not isinstance(values, Mapping):
                raise ConfigError(f"MakeupStyle.{name} must be an object of settings")
            known = {item.name for item in fields(kinds[name])}
            for key in values:
                if key not in known:
                    raise ConfigError(f"{name} has no setting {key!r}; it has {', '.join(known)}")
            layers[name] = kinds[name](**values)
        return cls(**layers)
