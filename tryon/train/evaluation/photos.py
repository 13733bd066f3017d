"""A folder of portraits -> sources, references, bare references and awkward photos, in order.

It reads names and notes only; pictures are read one at a time by whoever needs them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tryon.errors import ImageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
UNUSABLE = ("no usable face", "profile")


@dataclass(frozen=True, slots=True)
class Photo:
    """One portrait."""

    path: Path
    made_up: bool = False  # wears makeup already
    notes: str = ""  # what makes it awkward; empty for a plain portrait

    @property
    def usable(self) -> bool:
        """Whether a face can be read in it at all."""
        return not any(word in self.notes for word in UNUSABLE)


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Who wears what."""

    sources: tuple[Photo, ...] = ()  # plain portraits
    references: tuple[Photo, ...] = ()  # plain portraits with makeup
    bare: tuple[Photo, ...] = ()  # plain portraits without, as references that hold nothing
    awkward: tuple[Photo, ...] = ()  # glasses, hair, hands; for `occlusion`
    pairs: tuple[tuple[Photo, Photo], ...] = ()  # source, reference

    def __bool__(self) -> bool:
        return bool(self.pairs)


def read_photos(folder: Path) -> tuple[Photo, ...]:
    """Every picture of a folder, sorted; INDEX.tsv there may say `already_made_up` and `notes`.

    Raises:
        ImageError: the folder is missing or holds no picture.
    """
    if not folder.is_dir():
        raise ImageError(f"no folder {folder}; name one with portraits")
    known: dict[str, dict[str, str]] = {}
    index = folder / "INDEX.tsv"
    if index.is_file():
        with index.open(newline="", encoding="utf-8") as file:
            known = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            row = known.get(path.name, {})
            found.append(Photo(path, row.get("already_made_up") == "1", row.get("notes") or ""))
    if not found:
        raise ImageError(f"no PNG, JPEG or WebP in {folder}; name a folder with portraits")
    return tuple(found)


def read_pairs(path: Path, photos: Sequence[Photo] = ()) -> tuple[tuple[Photo, Photo], ...]:
    """A TSV of source and reference; relative names start at the file's folder.

    Args:
        path: the file.
        photos: what is known of some of them.

    Raises:
        ImageError: the list cannot be read, is empty, or a line is not two names.
    """
    known = {photo.path.resolve(): photo for photo in photos}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {path} ({error}); give source<TAB>reference") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        names = line.split("\t")
        if len(names) != 2 or not all(names):
            raise ImageError(f"{path.name} line {number}: give source<TAB>reference")
        files = [(path.parent / name).resolve() for name in names]
        pairs.append(tuple(known.get(file, Photo(file)) for file in files))
    if not pairs:
        raise ImageError(f"{path.name} is empty; give source<TAB>reference in each line")
    return tuple((source, reference) for source, reference in pairs)


def choose_photos(photos: Sequence[Photo], sources: int, references: int, bare: int) -> PhotoSet:
    """Spread the wearers over the folder and cross them with the references.

    Args:
        photos: of `read_photos`.
        sources: at most so many plain portraits as wearers.
        references: at most so many made-up ones, from the first on.
        bare: at most so many plain ones as references without makeup.
    """
    plain = [p for p in photos if not p.notes]
    worn = tuple(p for p in plain if p.made_up)[:references]
    unpainted = [p for p in plain if not p.made_up]
    wearers = _spread([p for p in plain if p not in worn], sources)
    awkward = tuple(p for p in photos if p.notes and p.usable)
    pairs = tuple((source, reference) for reference in worn for source in wearers)
    return PhotoSet(wearers, worn, _spread(unpainted, bare), awkward, pairs)


def _spread(photos: Sequence[Photo], count: int) -> tuple[Photo, ...]:
    """`count` of them, evenly spaced, so that no part of the folder is left out."""
    count = min(count, len(photos))
    return tuple(photos[index * len(photos) // count] for index in range(count))
