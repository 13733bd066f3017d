"""Dataclass fields as command-line flags, so that a setting is declared in one place only.

Values are checked by the dataclass itself (`__post_init__`), never here.
"""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """Add one flag for each field of a dataclass.

    Booleans become `--flag/--no-flag`, tuples take several values, `T | None` takes a T.
    A field without a default is a required flag; the help shows the defaults of the others.

    Args:
        parser: receives the flags.
        config: the dataclass.
    """
    hints = get_type_hints(config)
    for item in fields(config):
        kind = _plain(hints[item.name])
        options: dict[str, Any] = {"help": "(default: %(default)s)"}
        if item.default is not MISSING:
            options["default"] = item.default
        elif item.default_factory is not MISSING:
            options["default"] = item.default_factory()
        else:
            options = {"required": True}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif get_origin(kind) is tuple:
            parts = get_args(kind)
            options["type"] = parts[0]
            options["nargs"] = "+" if parts[-1] is Ellipsis else len(parts)
        else:
            options["type"] = kind
        parser.add_argument("--" + item.name.replace("_", "-"), **options)


def from_arguments(arguments: argparse.Namespace, config: type[T]) -> T:
    """Build the dataclass from parsed flags.

    Args:
        arguments: of a parser that went through `add_arguments`.
        config: the dataclass.

    Returns:
        The configuration; whatever its `__post_init__` raises (ConfigError) passes through.
    """
    values = {}
    for item in fields(config):  # type: ignore[arg-type]
        value = getattr(arguments, item.name)
        values[item.name] = tuple(value) if isinstance(value, list) else value
    return config(**values)


def _plain(hint: Any) -> Any:
    """`T | None` -> T; everything else as it is."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
