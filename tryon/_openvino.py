"""The only door to OpenVINO: it imports the runtime without its usage reports.

A plain `import openvino` sends an "import" event to Google Analytics from a child process and
writes a client id below the home folder; this never lets it.
"""

from __future__ import annotations

import sys
import threading
from functools import cache
from importlib import import_module
from typing import Any

from tryon.errors import MissingExtraError

_importing = threading.Lock()  # a session loads its networks from two threads


def load_openvino() -> Any:
    """Import and return the `openvino` module; it opens no socket and starts no process.

    OpenVINO falls back to its own silent stub when its telemetry package cannot be imported, so
    that package is hidden while the runtime is first imported. An application that imports
    openvino itself before us has made its own choice.
    """
    with _importing:
        return _load("openvino")


def load_nncf() -> Any:
    """Import and return `nncf`, which quantises OpenVINO's graphs; reports nothing either.

    Raises:
        MissingExtraError: it is not installed.
    """
    load_openvino()
    with _importing:
        try:
            return _load("nncf")
        except ImportError as error:
            raise MissingExtraError(
                "An int8 student needs nncf: pip install 'tryon[train]'."
            ) from error


def open_core() -> Any:
    """The process's one `openvino.Core`, with its CPU plugin; it is never freed.

    On Linux the plugin gives its thread another stack for signals and, when it is freed, puts
    back the one that was there before. With two plugins, freed in the order they were made, that
    one is gone by then, and the next Ctrl-C ends in a crash of the process.

    Raises:
        ImportError: OpenVINO is not installed.
        RuntimeError: it does not work here.
    """
    ov = load_openvino()
    with _importing:
        return _core(ov)


@cache
def _core(ov: Any) -> Any:
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": False})  # lets Windows delete a file that was read
    return core


def _load(module: str) -> Any:
    if module in sys.modules:
        return sys.modules[module]
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # makes `import openvino_telemetry` fail
    try:
        return import_module(module)
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before
