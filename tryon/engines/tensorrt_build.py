"""The student -> TensorRT engines on disk, one for each number of faces, through torch-tensorrt.

It prepares, exports, compiles and saves; it never serves a frame.

Tested without a GPU: the module that is exported, its export, keys and remedies. Not run yet, for
want of a GPU: `TensorRt.build` and `TensorRt.load`, written after torch-tensorrt 2.13.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tryon.engines.cache import EngineCache, EngineKey
from tryon.engines.gpu import gpu_state, why_no_torch_gpu
from tryon.engines.serving import example_inputs, serving_module
from tryon.errors import EngineError, TryOnError
from tryon.models.weights import WEIGHTS, load_model, read_manifest

if TYPE_CHECKING:
    from torch import Tensor, nn


MAX_FACES = 4
PRECISION = "f16"
REMEDY = "pip install 'tryon[gpu]'"
TENSORRT_WHEELS = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")

Say = Callable[[str], None]


def tensorrt_version() -> str | None:
    """Version of the installed TensorRT, without importing it; None if there is none."""
    for name in TENSORRT_WHEELS:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def why_not() -> str | None:
    """Why TensorRT cannot be used here, with the remedy; None if it is there, loading it aside."""
    problem = why_no_torch_gpu()
    if problem is not None:
        return problem
    if find_spec("torch_tensorrt") is None:
        return f"torch-tensorrt is not installed: {REMEDY}"
    return None if tensorrt_version() else f"TensorRT is not installed: {REMEDY}"


class Runtime(Protocol):
    """What builds, keeps and loads engines: TensorRT, or in tests PyTorch's own export."""

    device: str

    def keys(self, folder: Path) -> dict[int, EngineKey]:
        """Number of faces -> what an engine for it must be built for on this machine."""
        ...

    def build(self, module: nn.Module, example: tuple[Tensor, ...], path: Path) -> None:
        """Compile a float16 module for inputs of exactly these shapes, and save it."""
        ...

    def start(self) -> None:
        """Import what `load` needs, which takes seconds; it leaves the GPU alone."""
        ...

    def load(self, path: Path) -> nn.Module:
        """Load what `build` saved, ready to be called on `device`; after `start`."""
        ...

    def capture(self, on: bool) -> None:
        """Whether a loaded module captures its next run, and replays it from then on."""
        ...


def build_missing(
    folder: Path,
    cache: EngineCache,
    say: Say,
    faces: int = MAX_FACES,
    *,
    runtime: Runtime | None = None,
) -> None:
    """Build every engine that the cache does not hold, saying why and how far it is.

    Args:
        folder: the model folder.
        cache: where engines are kept.
        say: is told one line at a time.
        faces: build for 1 to so many faces.
        runtime: None is TensorRT.

    Raises:
        EngineError: TensorRT cannot be used here, or a build failed.
        WeightsError: model files are missing or changed.
    """
    import torch

    runtime = runtime or TensorRt()
    keys, module = runtime.keys(folder), None
    with cache.building(say):
        for count in range(1, faces + 1):
            path, reason = cache.find(keys[count])
            if path is not None:
                continue
            say(f"TensorRT engine {count} of {faces}: building, because {reason}; takes minutes")
            began = time.monotonic()
            if module is None:
                module = serving_module(load_model(folder).student).half().to(runtime.device)
            example = example_inputs(folder, count, runtime.device, torch.float16)
            path = cache.store(keys[count], partial(runtime.build, module, example))
            size, seconds = path.stat().st_size / 2**20, time.monotonic() - began
            say(f"TensorRT engine {count} of {faces}: built in {seconds:.0f} s, {size:.1f} MiB")


class TensorRt:
    """TensorRT through torch-tensorrt's dynamo route. `build` and `load` were not run by us yet."""

    device = "cuda"

    def keys(self, folder: Path) -> dict[int, EngineKey]:
        """See `Runtime.keys`.

        Raises:
            EngineError: TensorRT cannot be used here.
            WeightsError: the model has no readable manifest.
        """
        problem = why_not()
        if problem is not None:
            raise EngineError(f"TensorRT cannot be used here: {problem}.")
        gpu, manifest = gpu_state().gpus[0], read_manifest(folder)
        side = manifest.size
        return {
            faces: EngineKey(
                weights=manifest.files[WEIGHTS],
                gpu=gpu.name,
                capability=gpu.capability,
                tensorrt=tensorrt_version() or "",
                torch_tensorrt=version("torch-tensorrt"),
                shape=f"{faces}x{side}x{side}x4",
                precision=PRECISION,
            )
            for faces in range(1, MAX_FACES + 1)
        }

    def build(self, module: nn.Module, example: tuple[Tensor, ...], path: Path) -> None:
        """See `Runtime.build`; takes minutes.

        Raises:
            EngineError: torch-tensorrt does not load, or the build failed.
        """
        import torch

        trt = import_torch_tensorrt()
        try:
            program = torch.export.export(module, example)
            compiled = trt.dynamo.compile(
                program,
                arg_inputs=example,
                min_block_size=1,
                require_full_compilation=True,  # no part may quietly stay in PyTorch
                use_fp32_acc=True,
                cache_built_engines=False,  # the cache is ours
                reuse_cached_engines=False,
            )
            name, inputs = str(path), list(example)
            trt.save(compiled, name, output_format="exported_program", arg_inputs=inputs)
        except Exception as error:  # whatever exporter, converters and builder raise
            raise EngineError(f"TensorRT cannot build the student: {line_of(error)}") from error

    def start(self) -> None:
        """See `Runtime.start`.

        Raises:
            EngineError: torch-tensorrt cannot be imported.
        """
        import_torch_tensorrt()

    def load(self, path: Path) -> nn.Module:
        """See `Runtime.load`.

        Raises:
            EngineError: the file does not load.
        """
        import torch

        try:
            module: nn.Module = torch.export.load(str(path)).module()
        except Exception as error:
            remedy = "run python -m tryon.engines clear"
            raise EngineError(f"{path} does not load ({line_of(error)}); {remedy}.") from error
        return module

    def capture(self, on: bool) -> None:
        """See `Runtime.capture`; for every TensorRT engine of the process that runs meanwhile."""
        import_torch_tensorrt().runtime.set_cudagraphs_mode(on)


def import_torch_tensorrt() -> Any:
    """Import torch-tensorrt, which raises bare Exceptions when a library of it is missing.

    Raises:
        EngineError: it does not load.
    """
    try:
        return import_module("torch_tensorrt")
    except Exception as error:
        raise EngineError(f"torch-tensorrt does not load ({line_of(error)}); {REMEDY}.") from error


def line_of(error: Exception) -> str:
    """The first line of an error that may be pages long; one that is not ours with its kind."""
    line = (str(error).strip().splitlines() or [""])[0][:200]
    return line if isinstance(error, TryOnError) else f"{type(error).__name__}: {line}"
