"""The reference engine: the model in PyTorch, float32, exactly as it was trained.

Slow on a CPU; the other engines are measured against it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.engines.base import PreparedLook, check_textures, empty_face, stack_texture
from tryon.errors import EngineError
from tryon.models.weights import STUDENT_DIR, load_model
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    from tryon.models.student import TryOnModel


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
        try:
            self._model: TryOnModel | None = model.to(device)
        except (RuntimeError, AssertionError) as error:
            raise EngineError(f"PyTorch has no device {device}; use device cpu.") from error
        self._device = device
        self.size = model.config.size
        self.name = f"torch-{device}-f32"

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; see `Engine.prepare`."""
        import torch

        encoder = self._opened().encoder
        with torch.inference_mode():
            x = torch.from_numpy(stack_texture(reference, self.size)).to(self._device)
            features = encoder(x.permute(0, 3, 1, 2))
            return PreparedLook(tuple(f.cpu().numpy() for f in features), self.name)

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces; see `Engine.__call__`."""
        import torch

        student = self._opened().student
        checked = check_textures(textures, prepared, self.size, self.name)
        if len(checked) == 0:
            return np.zeros((0, self.size, self.size, 6), np.float32)
        with torch.inference_mode():
            x = torch.from_numpy(checked).to(self._device).permute(0, 3, 1, 2)
            features = tuple(torch.from_numpy(f).to(self._device) for f in prepared.features)
            layer = student(x, features).permute(0, 2, 3, 1).contiguous()
            result: Float32 = layer.cpu().numpy()
        return result

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def close(self) -> None:
        """Free the model."""
        self._model = None

    def _opened(self) -> TryOnModel:
        if self._model is None:
            raise EngineError("The engine was closed; make a new one.")
        return self._model
