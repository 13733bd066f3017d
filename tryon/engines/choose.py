"""The name of an engine -> a loaded, warm engine; the choice is explicit or announced by its name.

"auto" takes the best engine this machine has, decided before loading; an engine that then fails
is an error, never a reason to take the next one quietly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tryon.engines.base import Engine
from tryon.engines.gpu import why_no_torch_gpu
from tryon.errors import ConfigError, EngineError
from tryon.models.weights import STUDENT_DIR


def _tensorrt(folder: Path, threads: int | None, build: bool) -> Engine:
    from tryon.engines.builder import build_apart
    from tryon.engines.tensorrt import TensorRtEngine

    return TensorRtEngine(folder, builder=build_apart if build else None)


def _why_no_tensorrt() -> str | None:
    from tryon.engines.tensorrt_build import why_not

    return why_not()


def _torch_cuda(folder: Path, threads: int | None, build: bool) -> Engine:
    from tryon.engines.torch import TorchEngine

    return TorchEngine(folder, "cuda", threads)


def _openvino(folder: Path, threads: int | None, build: bool) -> Engine:
    from tryon.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(folder, threads=threads)


def _torch(folder: Path, threads: int | None, build: bool) -> Engine:
    from tryon.engines.torch import TorchEngine

    return TorchEngine(folder, threads=threads)


def _needs(package: str) -> Callable[[], str | None]:
    def why_not() -> str | None:
        return None if find_spec(package) else f"not installed: pip install {package}"

    return why_not


@dataclass(frozen=True, slots=True)
class _Choice:
    name: str
    why_not: Callable[[], str | None]  # with the remedy; None if the machine can; quick to tell
    make: Callable[[Path, int | None, bool], Engine]


_ENGINES = (
    _Choice("tensorrt", _why_no_tensorrt, _tensorrt),
    _Choice("torch-cuda", why_no_torch_gpu, _torch_cuda),
    _Choice("openvino", _needs("openvino"), _openvino),
    _Choice("torch", _needs("torch"), _torch),
)
"""Best first."""

ENGINE_NAMES = ("auto", *(choice.name for choice in _ENGINES))


def why_not(name: str) -> str | None:
    """Why an engine cannot be used on this machine, with the remedy; None if it can.

    Args:
        name: one of ENGINE_NAMES but "auto".
    """
    return next(choice for choice in _ENGINES if choice.name == name).why_not()


def choose(
    name: str = "auto",
    folder: Path | None = None,
    *,
    threads: int | None = None,
    build: bool = True,
) -> Engine:
    """Load an engine and run it once.

    Args:
        name: "auto", "tensorrt", "torch-cuda", "openvino" or "torch".
        folder: the model folder; None is the one that ships.
        threads: CPU threads; None leaves it to the engine.
        build: whether TensorRT may have engines built that are missing, beside it, for minutes.

    Returns:
        The engine; its `name` says runtime and precision.

    Raises:
        ConfigError: no such engine.
        EngineError: this machine cannot run it, or it does not load.
        WeightsError: model files are missing or changed.
    """
    if name not in ENGINE_NAMES:
        raise ConfigError(f"engine = {name}: use one of {', '.join(ENGINE_NAMES)}.")
    problem: str | None = None
    for choice in _ENGINES:
        if name in ("auto", choice.name):
            problem = choice.why_not()
            if problem is None:
                engine = choice.make(folder or STUDENT_DIR, threads, build)
                engine.warm_up()
                return engine
    raise EngineError(f"Engine {name} cannot be used here: {problem}.")
