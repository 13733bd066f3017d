"""What the window looked like last time: a few switches in a small file of the user's own.

No look, no path and no picture is remembered. A file that cannot be read counts as none.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path

from tryon.errors import ConfigError
from tryon.types import MAX_INTENSITY, REGIONS
from tryon.view import ViewState

_MAX_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices that outlive the window."""

    mirror: bool | None = None  # None: as suits the source
    hud: bool = True
    strip: bool = True
    split: float | None = None
    on: tuple[bool, ...] = (True,) * len(REGIONS)
    strengths: tuple[float, ...] = (1.0,) * len(REGIONS)

    def __post_init__(self) -> None:
        switches = (self.hud, self.strip, *self.on, self.mirror or False)
        numbers = (self.split or 0.0, *self.strengths)
        good = (
            all(isinstance(value, bool) for value in switches)
            and all(isinstance(value, int | float) and isfinite(value) for value in numbers)
            and len(self.on) == len(self.strengths) == len(REGIONS)
            and 0 <= numbers[0] <= 1
            and all(0 <= value <= MAX_INTENSITY for value in self.strengths)
        )
        if not good:
            raise ConfigError("the remembered settings are out of range; they are set back")

    @classmethod
    def of(cls, state: ViewState, usual_mirror: bool) -> Settings:
        """What to remember of a window's state; mirroring only where it is not the usual."""
        names = ("hud", "strip", "split", "on", "strengths")
        mirror = None if state.mirror == usual_mirror else state.mirror
        return cls(mirror, **{name: getattr(state, name) for name in names})

    def applied(self, state: ViewState) -> ViewState:
        """A window's state with what was remembered."""
        values = asdict(self)
        if self.mirror is None:
            del values["mirror"]
        return replace(state, **values)


def settings_path(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ
) -> Path:
    """Where this system keeps the settings of programs.

    Args:
        platform: As `sys.platform`.
        environment: The environment's variables.
    """
    home = Path.home()
    if platform == "win32":
        folder = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    elif platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "tryon" / "window.json"


def load_settings(path: Path) -> tuple[Settings, str]:
    """Read the settings.

    Args:
        path: The file.

    Returns:
        The settings, and what to tell the user: "" unless a file is there and of no use.
    """
    try:
        with path.open(encoding="utf-8") as file:
            values = json.loads(file.read(_MAX_BYTES))
        lists = {name: tuple(values[name]) for name in ("on", "strengths")}
        return Settings(**{**values, **lists}), ""
    except FileNotFoundError:
        return Settings(), ""
    except (OSError, ValueError, TypeError, KeyError, RecursionError, ConfigError):
        return Settings(), f"the settings in {path} cannot be read; they are set back"


def save_settings(settings: Settings, path: Path) -> str:
    """Write the settings in one piece; returns what to tell the user, "" if all went well."""
    from tryon.look.files import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(settings)).encode())
    except OSError as error:
        return f"the settings are not remembered: {error.strerror or error}"
    return ""
