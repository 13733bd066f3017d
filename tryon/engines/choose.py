"""The name of an engine -> a loaded, warm engine; the choice is explicit or announced by its name.

"auto" takes the best engine this machine has, decided before loading; an engine that then fails
is an error, never a reason to take the next one quietly.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tryon.engines.base import Engine
from tryon.errors import ConfigError, EngineError
from tryon.models.weights import STUDENT_DIR


def _openvino(folder: Path, threads: int | None) -> Engine:
    from tryon.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(folder, threads=threads)


def _torch(folder: Path, threads: int | None) -> Engine:
    from tryon.engines.torch import TorchEngine

    return TorchEngine(folder, threads=threads)


_ENGINES: tuple[tuple[str, Callable[[Path, int | None], Engine]], ...] = (
    ("openvino", _openvino),
    ("torch", _torch),
)
"""Package an engine needs, which is also its name, and its maker; best first."""

ENGINE_NAMES = ("auto", *(name for name, _ in _ENGINES))


def choose(name: str = "auto", folder: Path = STUDENT_DIR, *, threads: int | None = None) -> Engine:
    """Load an engine and run it once.

    Args:
        name: "auto", "openvino" or "torch".
        folder: the model folder.
        threads: CPU threads; None leaves it to the engine.

    Returns:
        The engine; its `name` says runtime and precision.

    Raises:
        ConfigError: no such engine.
        EngineError: its package is not installed, or it does not load.
        WeightsError: model files are missing or changed.
    """
    if name not in ENGINE_NAMES:
        raise ConfigError(f"engine = {name}: use one of {', '.join(ENGINE_NAMES)}.")
    for package, make in _ENGINES:
        wanted = name in ("auto", package)
        if wanted and find_spec(package) is not None:
            engine = make(folder, threads)
            engine.warm_up()
            return engine
    missing = "openvino" if name == "auto" else name
    raise EngineError(f"Engine {name} is not installed; pip install {missing}.")
