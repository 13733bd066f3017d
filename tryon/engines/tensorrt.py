"""The TensorRT engine: float16, one static shape for each number of faces, CUDA graphs.

While its engines are built or loaded, PyTorch serves on the same GPU, and the name says so.

Not run on a GPU by us yet. Tested without one, with PyTorch's export in the place of TensorRT:
serving, the background build, the hand-over and the one owner thread.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.engines.base import PreparedLook, check_textures, empty_face
from tryon.engines.cache import EngineCache
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

    Graphs replay fixed buffers, and two threads that shared them would mix up faces; so one thread
    owns them all: it loads, captures and replays, whichever thread calls.
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
        self.size = self._fallback.size
        self._owner = ThreadPoolExecutor(1, "tryon-tensorrt")
        self._modules: dict[int, nn.Module] = {}  # touched by the owner only, as the next two
        self._features: tuple[Tensor, ...] = ()
        self._bound: PreparedLook | None = None
        self._ready: frozenset[int] = frozenset()
        self._closed = False
        self.name = f"{self._fallback.name} (TensorRT being built)"  # what serves the next frame
        arguments = (folder, cache or EngineCache(), say)
        self._builder = threading.Thread(target=self._get_ready, args=arguments, daemon=True)
        self._builder.start()

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; see `Engine.prepare`."""
        return replace(self._fallback.prepare(reference), engine=NAME)

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces; see `Engine.__call__`."""
        if self._closed:
            raise EngineError("The engine was closed; make a new one.")
        checked = check_textures(textures, prepared, self.size, NAME)
        layers = np.empty((*checked.shape[:3], 6), np.float32)
        for start in range(0, len(checked), MAX_FACES):
            part = np.s_[start : start + MAX_FACES]
            if len(checked[part]) in self._ready:
                layers[part] = self._owner.submit(self._run, checked[part], prepared).result()
            else:
                own = replace(prepared, engine=self._fallback.name)
                layers[part] = self._fallback(checked[part], own)
        return layers

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def close(self) -> None:
        """Free the engines; a build under way is finished and stored for the next start."""
        if self._closed:
            return
        self._closed, self._ready = True, frozenset()
        self._owner.submit(self._modules.clear)
        self._owner.shutdown(wait=True)
        self._fallback.close()

    def _run(self, textures: Float32, prepared: PreparedLook) -> Float32:
        import torch

        device = self._runtime.device
        with torch.inference_mode():
            if prepared is not self._bound:
                features = (torch.from_numpy(f).to(device).half() for f in prepared.features)
                self._features, self._bound = tuple(features), prepared
            source = torch.from_numpy(textures).to(device, non_blocking=True)
            layer: Float32 = self._modules[len(textures)](source, *self._features).cpu().numpy()
        return layer

    def _load(self, faces: int, path: Path) -> None:
        """Load an engine and run it, so that its graph is captured before a frame needs it."""
        self._modules[faces] = self._runtime.load(path)
        nothing = np.zeros((faces, self.size, self.size, 4), np.float32)
        for _ in range(3):
            self._run(nothing, self.prepare(empty_face(self.size)))

    def _get_ready(self, folder: Path, cache: EngineCache, say: Say) -> None:
        """Body of the background thread: its faults are said, and PyTorch goes on serving."""

        def built(faces: int, path: Path) -> None:
            if not self._closed:
                self._owner.submit(self._load, faces, path).result()
                self._ready |= {faces}
                self.name = NAME

        try:
            build_missing(folder, cache, say, built=built, runtime=self._runtime)
        except (TryOnError, RuntimeError) as error:  # of a build, of CUDA, or of the owner's end
            if not self._closed:
                self.name = f"{self._fallback.name} (TensorRT failed)"
                say(f"PyTorch goes on serving on the GPU: {error}")
