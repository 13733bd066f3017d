"""Built engines on disk: key -> file, and one line about why a file is not used.

An engine fits one set of weights, one GPU, one TensorRT, one shape and one precision. It is used
only if all of them are equal and its bytes are those that were written; nothing is ever guessed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ENGINE, KEY, PARTIAL, LOCK = "engine.pt2", "key.json", ".partial-", "building.lock"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything an engine was built for."""

    weights: str  # SHA-256
    gpu: str
    capability: str
    tensorrt: str  # version
    torch_tensorrt: str  # version; the file is written and read by it
    shape: str  # of the textures, such as "1x256x256x4"
    precision: str

    @property
    def digest(self) -> str:
        """Name of its folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def changes_from(self, other: EngineKey) -> dict[str, tuple[str, str]]:
        """Field -> (of the other, of this) where they differ."""
        pairs = {f.name: (getattr(other, f.name), getattr(self, f.name)) for f in fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of the cache."""

    folder: Path
    key: EngineKey
    sha256: str  # of the engine's file

    @property
    def size(self) -> int:
        """Bytes of the engine; 0 if it is gone."""
        path = self.folder / ENGINE
        return path.stat().st_size if path.is_file() else 0


def default_root() -> Path:
    """Where engines are kept: TRYON_CACHE, or the user's cache folder."""
    if chosen := os.environ.get("TRYON_CACHE"):
        return Path(chosen) / "engines"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tryon" / "engines"


class EngineCache:
    """A folder of engines; several processes may use it at once."""

    def __init__(self, root: Path | None = None) -> None:
        """Use `root`, or the default; it is made when something is stored."""
        self.root = root or default_root()

    def entries(self) -> tuple[Entry, ...]:
        """Whole entries, the smallest shape first; broken ones are passed over."""
        found = []
        for path in self.root.glob(f"*/{KEY}"):
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
                found.append(Entry(path.parent, EngineKey(**values["key"]), values["sha256"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return tuple(sorted(found, key=lambda e: (e.key.shape, e.key.digest)))

    def find(self, key: EngineKey) -> tuple[Path | None, str]:
        """Look for an engine.

        Returns:
            Its file and "", or None and why it must be built, in one line.
        """
        entries = self.entries()
        for entry in entries:
            if entry.key == key:
                if _sha256(entry.folder / ENGINE) == entry.sha256:
                    return entry.folder / ENGINE, ""
                return None, "the stored engine is missing or damaged"
        others = [entry.key for entry in entries if entry.key.shape == key.shape]
        if not others:
            return None, f"none was built for {key.shape} yet"
        nearest = min(others, key=lambda other: len(key.changes_from(other)))
        changes = key.changes_from(nearest).items()
        named = ", ".join(
            f"{name} {_short(old)} is now {_short(new)}" for name, (old, new) in changes
        )
        return None, named

    def store(self, key: EngineKey, write: Callable[[Path], None]) -> Path:
        """Keep an engine; others see the whole entry or none.

        Args:
            key: what it was built for.
            write: saves it at the path it is given.

        Returns:
            The engine's file.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=self.root))
        try:
            write(temporary / ENGINE)
            record = {"key": asdict(key), "sha256": _sha256(temporary / ENGINE)}
            (temporary / KEY).write_text(json.dumps(record, indent=2), encoding="utf-8")
            folder = self.root / key.digest
            shutil.rmtree(folder, ignore_errors=True)
            try:
                os.replace(temporary, folder)
            except OSError:
                if not (folder / ENGINE).is_file():  # else another process was as fast
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder / ENGINE

    @contextmanager
    def building(self, say: Callable[[str], None]) -> Iterator[None]:
        """Be the only process that builds; what one that was killed left half done is deleted.

        Args:
            say: is told if another has to be waited for.
        """
        from filelock import FileLock, Timeout

        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("TensorRT: another process builds engines here; waiting for it")
            lock.acquire()
        try:
            for folder in self.root.glob(PARTIAL + "*"):
                shutil.rmtree(folder, ignore_errors=True)
            yield
        finally:
            lock.release()

    def clear(self) -> tuple[int, int]:
        """Delete every entry, whole or not.

        Returns:
            How many engines there were, and their bytes.
        """
        entries = self.entries()
        size = sum(entry.size for entry in entries)
        for pattern in (PARTIAL + "*", "[0-9a-f]" * 16):  # nothing that is not ours
            for folder in self.root.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)
        return len(entries), size


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _short(value: str) -> str:
    return value[:12] if len(value) == 64 else value
