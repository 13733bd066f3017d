"""The only door to OpenVINO: it imports the runtime without its usage reports.

A plain `import openvino` sends an "import" event to Google Analytics from a child process and
writes a client id below the home folder; this never lets it.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

_importing = threading.Lock()  # a session loads its networks from two threads


def load_openvino() -> Any:
    """Import and return the `openvino` module; it opens no socket and starts no process.

    OpenVINO falls back to its own silent stub when its telemetry package cannot be imported, so
    that package is hidden while the runtime is first imported. An application that imports
    openvino itself before us has made its own choice.
    """
    with _importing:
        return _load()


def _load() -> Any:
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # makes `import openvino_telemetry` fail
    try:
        import openvino
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before
    return openvino
