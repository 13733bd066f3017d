"""The reference engine: the model in PyTorch, float32, exactly as it was trained.

Slow on a CPU; the other engines are measured against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tryon.engines.base import (
    PreparedLook,
    check_fit,
    check_textures,
    empty_face,
    stack_texture,
)
from tryon.engines.gpu import TURN
from tryon.errors import EngineError
from tryon.models.weights import STUDENT_DIR, load_model
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    from torch import Tensor

    from tryon.models.student import TryOnModel


@contextmanager
def gpu_turn() -> Iterator[None]:
    """Have the GPU to oneself, with convolutions as exact there as on a CPU.

    PyTorch lets cuDNN round what it multiplies to 10 bits (TF32), for the whole process.
    """
    import torch

    # Its old name goes for all networks of cuDNN; where an application has set some of them apart,
    # by the new names, the old one may not even be read.
    flags: Any = torch.backends.cudnn
    name: str = "allow_tf32"
    exact: bool | str = False
    with TURN:
        try:
            before = getattr(flags, name)
        except RuntimeError:
            flags, name, exact = flags.conv, "fp32_precision", "ieee"
            before = getattr(flags, name)
        setattr(flags, name, exact)
        try:
            yield
        finally:
            setattr(flags, name, before)


class TorchEngine:
    """PyTorch on a device."""

    def __init__(
        self, folder: Path = STUDENT_DIR, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Load the model.

        Args:
            folder: a model folder with a manifest.
            device: a torch device, "cpu" or "cuda".
            threads: CPU threads, for all of PyTorch in this process; None leaves them as they are.

        Raises:
            WeightsError: files are missing or changed.
            EngineError: the device is not there.
        """
        import torch

        model = load_model(folder)
        if threads is not None:
            torch.set_num_threads(threads)
        self._turn = gpu_turn if device == "cuda" else nullcontext
        # All work is in its order, also what other libraries put there.
        self.stream: torch.cuda.Stream | None = None
        try:
            with self._turn():
                self._model: TryOnModel | None = model.to(device)
                if device == "cuda":
                    self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        except (RuntimeError, AssertionError) as error:
            raise EngineError(f"PyTorch has no device {device}; use device cpu.") from error
        self._device = device
        self._worn: tuple[tuple[Float32, ...], tuple[Tensor, ...]] | None = None  # here, there
        self.size = model.config.size
        self.name = f"torch-{device}-f32"

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; see `Engine.prepare`."""
        import torch

        encoder = self._opened().encoder
        with self._turn(), torch.inference_mode(), torch.cuda.stream(self.stream):
            x = torch.from_numpy(stack_texture(reference, self.size)).to(self._device)
            features = encoder(x.permute(0, 3, 1, 2))
            return PreparedLook(tuple(f.cpu().numpy() for f in features), self.name)

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces; see `Engine.__call__`."""
        import torch

        self._opened()
        checked = check_textures(textures, prepared, self.size, self.name)
        with self._turn(), torch.inference_mode(), torch.cuda.stream(self.stream):
            layers = self._layers(torch.from_numpy(checked).to(self._device), prepared)
            result: Float32 = layers.cpu().numpy()
        return result

    def on_device(self, textures: Any, prepared: PreparedLook) -> Tensor:
        """Predict the makeup layers of N faces; see `DeviceEngine.on_device`."""
        import torch
        from torch.utils.dlpack import from_dlpack

        check_fit(textures, prepared, self.size, self.name)
        with self._turn(), torch.inference_mode(), torch.cuda.stream(self.stream):
            return self._layers(from_dlpack(textures), prepared)

    def _layers(self, textures: Tensor, prepared: PreparedLook) -> Tensor:
        """(N, A, A, 6), contiguous, on the device that the textures are on."""
        import torch

        student = self._opened().student
        if len(textures) == 0:
            return torch.zeros((0, self.size, self.size, 6), device=self._device)
        worn = self._worn  # another thread may put another look here meanwhile
        if worn is None or worn[0] is not prepared.features:
            features = (torch.from_numpy(f).to(self._device) for f in prepared.features)
            self._worn = worn = prepared.features, tuple(features)
        layers: Tensor = student(textures.permute(0, 3, 1, 2), worn[1])
        return layers.permute(0, 2, 3, 1).contiguous()

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def wait_ready(self) -> None:
        """It is."""

    def close(self) -> None:
        """Free the model."""
        self._model = self._worn = None

    def _opened(self) -> TryOnModel:
        if self._model is None:
            raise EngineError("The engine was closed; make a new one.")
        return self._model
