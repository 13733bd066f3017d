"""The .look file: safetensors with a JSON header, versioned and hashed.

Everything is checked before anything is allocated; a file from a stranger can be refused but
cannot run code, name a path or fill the memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tryon.errors import ConfigError, LookFormatError
from tryon.look.files import write_whole
from tryon.look.look import MAX_PARTS, Look, Part
from tryon.types import REGIONS

LOOK_VERSION = 2  # the newest; a look that is not mixed is written as version 1
MAX_FILE = 8 << 20
MAX_HEADER = 64 << 10
SIZES = (128, 256, 512)
PROVENANCES = ("photo", "product", "mix", "text", "removal")


def save_look(look: Look, path: Path) -> None:
    """Write a look in one piece."""
    from safetensors.numpy import save

    settings = {
        "version": LOOK_VERSION if look.parts else 1,
        "name": look.name,
        "intensities": dict(zip(REGIONS, look.intensities, strict=True)),
        "provenance": look.provenance,
        "digest": look.digest,
    }
    tensors = {
        "colour": np.ascontiguousarray(look.colour),
        "visibility": np.ascontiguousarray(look.visibility),
    }
    if look.parts:
        settings["shares"] = [list(part.shares) for part in look.parts]
        tensors["part_colours"] = np.stack([part.colour for part in look.parts])
        tensors["part_visibilities"] = np.stack([part.visibility for part in look.parts])
    try:
        write_whole(path, save(tensors, metadata={"look": json.dumps(settings)}))
    except OSError as error:
        raise LookFormatError(f"cannot write {path}: {error.strerror or error}") from None


def load_look(path: Path) -> Look:
    """Read a look; raises `LookFormatError` and nothing else."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise LookFormatError(f"{path.name} is above {MAX_FILE >> 20} MB; it is no look file")
        data = path.read_bytes()
    except OSError as error:
        raise LookFormatError(f"cannot read {path}: {error.strerror or error}") from None
    return decode_look(data, path.name)


def decode_look(data: bytes, label: str = "the look") -> Look:
    """Read a look from the bytes of a .look file; raises `LookFormatError` and nothing else."""
    settings, size = _check_header(data, label)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise LookFormatError(f"{label} is damaged ({error}); save the look again") from None
    try:
        given = settings["intensities"]
        parts = (
            Part(colour, visibility, tuple(float(share) for share in shares))
            for colour, visibility, shares in zip(
                tensors.get("part_colours", ()),
                tensors.get("part_visibilities", ()),
                settings.get("shares", ()),
                strict=True,
            )
        )
        look = Look(
            colour=tensors["colour"],
            visibility=tensors["visibility"],
            name=settings["name"],
            provenance=settings["provenance"],
            parts=tuple(parts),
        )
        for region in REGIONS:
            look = look.with_intensity(region, float(given[region]))
    except (KeyError, TypeError, ValueError, OverflowError, ConfigError) as error:
        raise LookFormatError(f"{label} has a bad setting ({error}); make it again") from None
    if look.provenance not in PROVENANCES:
        raise LookFormatError(f"{label} has a bad provenance; make it again")
    if look.digest != settings.get("digest") or look.size != size:
        raise LookFormatError(f"{label} does not match its digest; it was changed or damaged")
    return look


def _check_header(data: bytes, label: str) -> tuple[dict[str, Any], int]:
    """Check names, types and shapes against the one layout there is; returns settings and size."""

    def refuse(why: str) -> LookFormatError:
        return LookFormatError(f"{label} is not a look file ({why}); make it from the photo again")

    length = int.from_bytes(data[:8], "little") if len(data) > 8 else 0
    if not 0 < length <= min(MAX_HEADER, len(data) - 8):
        raise refuse("no header")
    try:
        header = json.loads(data[8 : 8 + length])
        settings = json.loads(header["__metadata__"]["look"])
        version, shape = settings["version"], header["colour"]["shape"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refuse("unreadable header") from None
    if version not in (1, LOOK_VERSION) or isinstance(version, bool):
        raise LookFormatError(
            f"{label} has format version {version!r}, this reads 1 to {LOOK_VERSION}; "
            "update tryon or make the look again"
        )
    size = shape[0] if isinstance(shape, list) and shape else 0
    if size not in SIZES:
        raise refuse("odd size")
    expected = {"colour": [size, size, 3], "visibility": [size, size]}
    shares = settings.get("shares", [])
    count = len(shares) if isinstance(shares, list) else 0
    if version == LOOK_VERSION:
        expected |= {
            "part_colours": [count, size, size, 3],
            "part_visibilities": [count, size, size],
        }
    if count > MAX_PARTS or bool(count) != (version == LOOK_VERSION):
        raise refuse("odd number of parts")
    if set(header) != {"__metadata__", *expected}:
        raise refuse("unknown contents")
    for name, wanted in expected.items():
        item = header[name]
        if not isinstance(item, dict) or item.get("dtype") != "U8" or item.get("shape") != wanted:
            raise refuse(f"{name} has another type or shape")
    if len(data) - 8 - length != 4 * size * size * (1 + count):
        raise refuse("truncated")
    return settings, size
