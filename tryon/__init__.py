"""tryon: wear the makeup of any photo, live, on your own machine.

    from tryon import Look, TryOnSession

    with TryOnSession(Look.from_photo("look.png")) as session:
        painted = session.process(frame).image

Importing it loads numpy and nothing else; the rest comes with the first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tryon.errors import TryOnError
from tryon.types import REGIONS, Face, Frame, Pose, TryOnResult

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.session import SessionConfig, TryOnSession

__version__ = "0.1.0"
__all__ = [
    "REGIONS",
    "Face",
    "Frame",
    "Look",
    "Pose",
    "SessionConfig",
    "TryOnError",
    "TryOnResult",
    "TryOnSession",
    "__version__",
]

# Loaded at first use: `import tryon` needs numpy only.
_LAZY = {
    "Look": "tryon.look.look",
    "SessionConfig": "tryon.session",
    "TryOnSession": "tryon.session",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tryon' has no attribute {name!r}")
