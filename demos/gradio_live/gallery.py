"""The looks that ship with the demo: a style and a small picture of each.

A look is painted when somebody first wears it and kept for everybody; the files are never written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

from tryon import Look

from .products import painted_model, product_look

ASSETS = Path(__file__).parent / "assets"
LOOKS = Path(__file__).parent.parent / "looks"
OFF = "off"
"""Id of the look that takes makeup off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One look on offer."""

    name: str  # for people
    style: Mapping[str, Any]  # `MakeupStyle` as JSON
    picture: bytes  # JPEG, a face that wears it
    make: Callable[[], Look]


class Gallery:
    """The looks on offer, by id; may be used from any thread.

    Args:
        entries: what there is, by id.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        self._painting = Lock()  # two who want the same look wait for one painting
        self._look = cache(self._make_look)
        self._portrait = cache(lambda name: painted_model(entries[name].style))

    def look(self, name: str) -> Look | None:
        """A look, or None if there is no such id; the first call for one takes a moment."""
        if name not in self.entries:
            return None
        with self._painting:
            return self._look(name)

    def portrait(self, name: str) -> bytes | None:
        """A large JPEG of a face that wears it, or None if there is no such id."""
        if name not in self.entries:
            return None
        with self._painting:
            return self._portrait(name)

    def _make_look(self, name: str) -> Look:
        entry = self.entries[name]
        return replace(entry.make(), name=entry.name)


def load_gallery(folder: Path = LOOKS) -> Gallery:
    """Every NAME.json of a folder that has a picture NAME.jpg; NAME.look is used if it is there.

    The first entry takes off what a face wears.
    """
    bare = (ASSETS / "off.jpg").read_bytes()
    entries = {OFF: Entry("Makeup off", {}, bare, Look.removal)}
    for file in sorted(folder.glob("*.json")):
        picture = file.with_suffix(".jpg")
        if picture.exists():
            style, made = json.loads(file.read_text("utf-8")), file.with_suffix(".look")
            entries[file.stem] = Entry(
                file.stem.replace("_", " ").capitalize(),
                style,
                picture.read_bytes(),
                partial(Look.load, made) if made.exists() else partial(product_look, style),
            )
    return Gallery(entries)
