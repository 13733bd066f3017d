"""The TensorRT engine: float16, one static shape for each number of faces, CUDA graphs.

While its engines are built (by another process, see builder.py) or loaded, PyTorch serves on the
same GPU, and the name says so.

Not run on a GPU by us yet. Tested without one, with PyTorch's export in the place of TensorRT:
serving, the build beside it, the hand-over and the turns.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tryon.engines.base import PreparedLook, check_fit, check_textures, empty_face
from tryon.engines.builder import Builder, build_apart
from tryon.engines.cache import EngineCache, EngineKey
from tryon.engines.gpu import TURN
from tryon.engines.tensorrt_build import MAX_FACES, PRECISION, Runtime, Say, TensorRt, line_of
from tryon.engines.torch import TorchEngine
from tryon.errors import EngineError
from tryon.models.weights import STUDENT_DIR
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME = f"tensorrt-{PRECISION}"

_ONE_BUILD = threading.Lock()  # sessions of one process wait for each other's; see EngineCache, too


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
        builder: Builder | None = build_apart,
        say: Say = to_stderr,
        runtime: Runtime | None = None,
    ) -> None:
        """Start serving with PyTorch, and get the engines ready in the background.

        Args:
            folder: a model folder with a manifest.
            builder: builds engines that are not in the cache; None serves those that are.
            say: is told the progress of a build.
            runtime: None is TensorRT.

        Raises:
            WeightsError: files are missing or changed.
            EngineError: there is no GPU, or no TensorRT.
        """
        self._runtime = runtime or TensorRt()
        keys = self._runtime.keys(folder)  # a machine that cannot is told at once
        self._fallback = TorchEngine(folder, self._runtime.device)
        self.size, self.stream = self._fallback.size, self._fallback.stream
        self._modules: dict[int, nn.Module] = {}  # of the engines that are ready
        self._features: tuple[Tensor, ...] = ()
        self._bound: PreparedLook | None = None
        self._closed = False
        self.name = ""  # what serves the next frame
        self._named("being loaded")
        arguments = (folder, keys, builder, say)
        # As a daemon it may wait for the builder when the program ends; all else takes its turn.
        self._loader = threading.Thread(target=self._get_ready, args=arguments, daemon=True)
        self._loader.start()

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

    def wait_ready(self) -> None:
        """Wait until every engine serves, was found to be missing or has failed."""
        self._loader.join()

    def close(self) -> None:
        """Free the engines; a build under way goes on, for the next start."""
        with TURN:
            self._closed = True
            self._modules.clear()
            self._features, self._bound = (), None
            self._fallback.close()

    def _take_over(self, faces: int, path: Path) -> None:
        """Serve so many faces with an engine, its graph captured before a frame needs it."""
        nothing = np.zeros((faces, self.size, self.size, 4), np.float32)
        self._runtime.start()
        with TURN:
            if self._closed:
                return
            prepared = self.prepare(empty_face(self.size))
            self._modules[faces] = self._runtime.load(path)
            try:
                for on in (False, True, True):  # TensorRT wants one run before what is captured
                    self._runtime.capture(on)
                    self(nothing, prepared)
            except Exception:
                del self._modules[faces]  # PyTorch goes on
                raise
            finally:
                self._runtime.capture(True)  # else engines that serve would drop their graphs
            self.name = NAME

    def _take_stored(self, keys: dict[int, EngineKey]) -> bool:
        """Serve with the engines in the cache; whether no more are wanted."""
        if self._closed:
            return True
        cache = EngineCache()
        for faces in sorted(keys.keys() - self._modules.keys()):
            path, _ = cache.find(keys[faces])
            if path is not None:
                self._take_over(faces, path)
        return len(self._modules) == len(keys)

    def _get_ready(
        self, folder: Path, keys: dict[int, EngineKey], builder: Builder | None, say: Say
    ) -> None:
        """Body of the background thread: its faults are said, and PyTorch goes on serving."""
        try:
            if self._take_stored(keys):
                return
            self._named("being built" if builder else "not built")
            if builder:
                self._have_built(folder, keys, builder, say)
        except Exception as error:  # of a build, CUDA or the disk: whatever it is, frames go on
            if not self._closed:
                self._named("failed")
                say(f"PyTorch goes on serving on the GPU: {line_of(error)}")

    def _have_built(
        self, folder: Path, keys: dict[int, EngineKey], builder: Builder, say: Say
    ) -> None:
        """Serve with each engine as soon as it is built."""
        with _ONE_BUILD:
            if self._take_stored(keys):  # what another session has had built meanwhile
                return
            for line in builder(folder):
                say(line)
                self._take_stored(keys)
        if not self._take_stored(keys):
            raise EngineError("The build left engines out; run python -m tryon.engines build.")

    def _named(self, state: str) -> None:
        """Tell what is with TensorRT while PyTorch serves alone."""
        if not self._modules:
            self.name = f"{self._fallback.name} (TensorRT {state})"
