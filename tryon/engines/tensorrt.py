"""The TensorRT engine: float16, one static shape for each number of faces, CUDA graphs.

While its engines are built or loaded, PyTorch serves on the same GPU, and the name says so.

Not run on a GPU by us yet. Tested without one, with PyTorch's export in the place of TensorRT:
serving, the background build, the hand-over and the turns.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tryon.engines.base import PreparedLook, check_fit, check_textures, empty_face
from tryon.engines.cache import EngineCache
from tryon.engines.gpu import TURN
from tryon.engines.tensorrt_build import (
    MAX_FACES,
    PRECISION,
    Runtime,
    Say,
    TensorRt,
    build_missing,
)
from tryon.engines.torch import TorchEngine
from tryon.errors import EngineError, TryOnError
from tryon.models.weights import STUDENT_DIR
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME = f"tensorrt-{PRECISION}"


def to_stderr(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


class TensorRtEngine:
    """TensorRT on the first GPU.

    Graphs replay fixed buffers, and two threads that shared them would mix up faces: they take
    turns. Nothing else may allocate on the GPU while a graph is captured: frames take turns, too.
    """

    def __init__(
        self,
        folder: Path = STUDENT_DIR,
        *,
        cache: EngineCache | None = None,
        say: Say = to_stderr,
        runtime: Runtime | None = None,
    ) -> None:
        """Start serving with PyTorch, and get the engines ready in the background.

        Args:
            folder: a model folder with a manifest.
            cache: where built engines are kept.
            say: is told the progress of a build.
            runtime: None is TensorRT.

        Raises:
            WeightsError: files are missing or changed.
            EngineError: there is no GPU, or no TensorRT.
        """
        self._runtime = runtime or TensorRt()
        self._runtime.keys(folder)  # a machine that cannot is told at once
        self._fallback = TorchEngine(folder, self._runtime.device)
        self.size, self.stream = self._fallback.size, self._fallback.stream
        self._modules: dict[int, nn.Module] = {}  # of the engines that are ready
        self._features: tuple[Tensor, ...] = ()
        self._bound: PreparedLook | None = None
        self._closed = False
        self.name = f"{self._fallback.name} (TensorRT being built)"  # what serves the next frame
        arguments = (folder, cache or EngineCache(), say)
        self._builder = threading.Thread(target=self._get_ready, args=arguments, daemon=True)
        self._builder.start()

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; see `Engine.prepare`."""
        with TURN:
            return replace(self._fallback.prepare(reference), engine=NAME)

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces; see `Engine.__call__`."""
        import torch

        checked = torch.from_numpy(check_textures(textures, prepared, self.size, NAME))
        with TURN, torch.inference_mode(), torch.cuda.stream(self.stream):
            layers = self._layers(checked.to(self._runtime.device), prepared)
            result: Float32 = layers.cpu().numpy()
        return result

    def on_device(self, textures: Any, prepared: PreparedLook) -> Tensor:
        """Predict the makeup layers of N faces; see `DeviceEngine.on_device`."""
        import torch
        from torch.utils.dlpack import from_dlpack

        check_fit(textures, prepared, self.size, NAME)
        with TURN, torch.inference_mode(), torch.cuda.stream(self.stream):
            return self._layers(from_dlpack(textures), prepared)

    def _layers(self, textures: Tensor, prepared: PreparedLook) -> Tensor:
        """(N, A, A, 6), contiguous, on the GPU, complete once the stream is."""
        import torch

        if self._closed:
            raise EngineError("The engine was closed; make a new one.")
        starts = range(0, max(len(textures), 1), MAX_FACES)
        parts = [self._run(textures[k : k + MAX_FACES], prepared) for k in starts]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _run(self, textures: Tensor, prepared: PreparedLook) -> Tensor:
        """The layers of at most MAX_FACES."""
        import torch

        if len(textures) not in self._modules:
            own = replace(prepared, engine=self._fallback.name)
            return self._fallback.on_device(textures, own)
        if prepared is not self._bound:
            device = self._runtime.device
            features = (torch.from_numpy(f).to(device).half() for f in prepared.features)
            self._features, self._bound = tuple(features), prepared
        layers: Tensor = self._modules[len(textures)](textures, *self._features)
        return layers

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def close(self) -> None:
        """Free the engines; a build under way is finished and stored for the next start."""
        with TURN:
            self._closed = True
            self._modules.clear()
            self._features, self._bound = (), None
            self._fallback.close()

    def _take_over(self, faces: int, module: nn.Module) -> None:
        """Serve so many faces with an engine, its graph captured before a frame needs it."""
        nothing = np.zeros((faces, self.size, self.size, 4), np.float32)
        with TURN:
            if self._closed:
                return
            prepared = self.prepare(empty_face(self.size))
            self._modules[faces] = module
            try:
                for _ in range(3):
                    self(nothing, prepared)
            except Exception:
                del self._modules[faces]  # PyTorch goes on
                raise
            self.name = NAME

    def _get_ready(self, folder: Path, cache: EngineCache, say: Say) -> None:
        """Body of the background thread: its faults are said, and PyTorch goes on serving."""

        def built(faces: int, path: Path) -> None:
            if not self._closed:
                self._take_over(faces, self._runtime.load(path))

        try:
            build_missing(folder, cache, say, built=built, runtime=self._runtime)
        except (TryOnError, RuntimeError) as error:  # of a build, or of CUDA
            if not self._closed:
                self.name = f"{self._fallback.name} (TensorRT failed)"
                say(f"PyTorch goes on serving on the GPU: {error}")
