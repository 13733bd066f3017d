"""MakeupStyle files and flags: JSON on disk, and "#a5122a:matte:0.9" on a command line.

It turns text into a style and back; it never paints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tryon.cosmetics import style as st
from tryon.cosmetics.schema import Choice, Colour, Rule, rules
from tryon.errors import ConfigError
from tryon.look.files import write_whole

MAX_BYTES = 1 << 20

# Flag of `tryon look product` -> layer and the setting that its colour goes to.
PRODUCTS: dict[str, tuple[str, str]] = {
    "foundation": ("foundation", "color"), "concealer": ("concealer", "color"),
    "contour": ("contour", "color"), "blush": ("blush", "color"),
    "freckles": ("freckles", "color"), "lids": ("eyeshadow", "lid"),
    "crease": ("eyeshadow", "crease"), "outer": ("eyeshadow", "outer"),
    "inner": ("eyeshadow", "inner"), "lower": ("eyeshadow", "lower"),
    "liner": ("liner", "color"), "lashes": ("lashes", "color"), "brows": ("brows", "color"),
    "highlight": ("highlight", "color"), "lips": ("lips", "color"),
}  # fmt: skip
USUAL = {"foundation": 0.5, "concealer": 0.5, "contour": 0.4, "blush": 0.45, "lids": 0.75,
         "brows": 0.5, "highlight": 0.5, "lips": 0.9, "liner": 0.95, "lashes": 0.8}  # fmt: skip


def load_style(path: Path) -> st.MakeupStyle:
    """Read a style from a JSON file.

    Raises:
        ConfigError: the file cannot be read, is no JSON object, or does not fit the schema.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path.name} is above {MAX_BYTES >> 20} MB; it is no MakeupStyle")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        why = (error.strerror or error) if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read {path}: {why}; give a MakeupStyle as JSON") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path.name} is no MakeupStyle; it must be a JSON object")
    return st.MakeupStyle.from_json(data)


def save_style(style: st.MakeupStyle, path: Path) -> None:
    """Write a style as JSON, the layers that are worn only.

    Raises:
        ConfigError: the file cannot be written.
    """
    full = style.to_json()
    worn = {"version": full["version"], **{name: full[name] for name in style.worn()}}
    try:
        write_whole(path, (json.dumps(worn, indent=1) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None


def add_product(style: st.MakeupStyle, flag: str, text: str) -> st.MakeupStyle:
    """Put a product on: colour, then a finish, a layout, a number for the coverage, or NAME=VALUE.

    Args:
        style: what is worn already.
        flag: one of `PRODUCTS`.
        text: such as "#a5122a:matte:0.9" or "#b07a3a:metallic:layout=smoky:height=0.7".

    Raises:
        ConfigError: a part fits no setting of the layer; bad values name field, value and range.
    """
    layer, colour_name = PRODUCTS[flag]
    part = colour_name != "color" and flag != "lids"  # crease, outer, inner, lower: part of a layer
    strength = f"{flag}_opacity" if part else "opacity"
    known = rules(st.LAYERS[layer])
    values: dict[str, Any] = {}
    for piece in filter(None, text.split(":")):
        name, given, value = piece.partition("=")
        if given:
            values[name] = _value(known, layer, name, value)
        elif piece.startswith("#"):
            values[colour_name] = piece
        elif (word := _setting_of_word(known, colour_name, piece)) is not None:
            values[word] = piece
        else:
            values[strength] = _number(f"--{flag}", piece)
    values.setdefault(strength, USUAL.get(flag, 0.7))
    worn = getattr(style, layer)
    if part and worn.opacity == 0:
        values.setdefault("opacity", USUAL["lids"])
        values.setdefault("lid", values.get(colour_name, worn.lid))
    return replace(style, **{layer: replace(worn, **values)})


def _setting_of_word(known: Mapping[str, Rule], colour_name: str, word: str) -> str | None:
    """The setting that takes a word: its colour if it may be a word, a finish or a layout."""
    for name, rule in known.items():
        if isinstance(rule, Choice) and word in rule.words:
            return name
        if isinstance(rule, Colour) and name == colour_name and word in rule.words:
            return name
    return None


def _value(known: Mapping[str, Rule], layer: str, name: str, text: str) -> Any:
    if name not in known:
        raise ConfigError(f"{layer} has no setting {name!r}; it has {', '.join(known)}")
    return text if isinstance(known[name], Choice | Colour) else _number(f"{layer}.{name}", text)


def _number(where: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"{where} has {text!r}; give a colour as #rrggbb, a finish such as "
            f"{', '.join(st.FINISHES[:3])}, a coverage from 0 to 1, or NAME=VALUE"
        ) from None
