"""Rules for the settings of a style: what each accepts, in words and as a published JSON Schema.

A rule stands beside the field it rules, so that checks, errors and schema cannot drift apart; it
knows nothing about makeup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from tryon.errors import ConfigError

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Number:
    """A number in [low, high]."""

    low: float
    high: float

    def accepts(self, value: object) -> bool:
        """Whether a value fits."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and isfinite(value) and self.low <= value <= self.high  # type: ignore[arg-type,operator]

    def remedy(self) -> str:
        """What to give instead."""
        return f"give a number in [{self.low:g}, {self.high:g}]"

    def json(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    def accepts(self, value: object) -> bool:
        """Whether a value fits."""
        return isinstance(value, str) and value in self.words

    def remedy(self) -> str:
        """What to give instead."""
        return f"choose from {', '.join(self.words)}"

    def json(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Colour:
    """An sRGB colour as #rrggbb, or one of a few words."""

    words: tuple[str, ...] = ()

    def accepts(self, value: object) -> bool:
        """Whether a value fits."""
        return isinstance(value, str) and (value in self.words or bool(_HEX.fullmatch(value)))

    def remedy(self) -> str:
        """What to give instead."""
        return "give a colour as #rrggbb" + "".join(f" or {word}" for word in self.words)

    def json(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "string", "pattern": f"^({'|'.join((*self.words, _HEX.pattern))})$"}


Rule = Number | Choice | Colour


def number(default: float, low: float = 0.0, high: float = 1.0, *, note: str = "") -> float:
    """A field that holds a number in [low, high]."""
    return field(default=default, metadata={"rule": Number(low, high), "note": note})


def choice(default: str, words: tuple[str, ...], *, note: str = "") -> str:
    """A field that holds one of several words."""
    return field(default=default, metadata={"rule": Choice(words), "note": note})


def colour(default: str, *words: str, note: str = "") -> str:
    """A field that holds an sRGB colour, or one of a few words."""
    return field(default=default, metadata={"rule": Colour(words), "note": note})


_RULES: dict[type[Any], Mapping[str, Rule]] = {}  # looked up for every value that is made


def rules(kind: type[Any]) -> Mapping[str, Rule]:
    """Name of each setting of a layer and its rule."""
    if kind not in _RULES:
        _RULES[kind] = {item.name: item.metadata["rule"] for item in fields(kind)}
    return _RULES[kind]


def check(layer: object) -> None:
    """Raise `ConfigError` naming field, value and what is allowed."""
    for name, rule in rules(type(layer)).items():
        value = getattr(layer, name)
        if not rule.accepts(value):
            raise ConfigError(f"{type(layer).__name__}.{name} is {value!r}; {rule.remedy()}")


def json_schema(title: str, version: int, layers: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object of layers.

    Args:
        title: of the schema.
        version: the newest version; older ones are read too.
        layers: name -> class of the layer.

    Returns:
        Plain values for `json.dump`.
    """

    def setting(item: Any) -> dict[str, Any]:
        note = {"description": item.metadata["note"]} if item.metadata["note"] else {}
        return {**item.metadata["rule"].json(), "default": item.default, **note}

    def layer(kind: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "properties": {item.name: setting(item) for item in fields(kind)},
            "additionalProperties": False,
        }

    versions = {"enum": list(range(1, version + 1)), "default": version}
    return {
        "$schema": _DIALECT,
        "title": title,
        "type": "object",
        "properties": {"version": versions, **{n: layer(k) for n, k in layers.items()}},
        "additionalProperties": False,
    }
