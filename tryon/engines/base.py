"""What every inference engine does: a reference once -> a prepared look; textures -> layers.

An engine knows nothing of cameras, faces or time, and never falls back to another engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tryon.errors import EngineError
from tryon.types import FaceTexture, Float32


@dataclass(frozen=True, slots=True, eq=False)
class PreparedLook:
    """Everything about a look that does not depend on the frame; made once by an engine."""

    features: tuple[Float32, ...]  # of the look encoder, batch 1
    engine: str  # name of the engine that made it; another engine must not use it
    channel_axis: int = 1  # of features with four axes; the last two others are the place


class Engine(Protocol):
    """One runtime holding one model."""

    name: str  # runtime and precision, such as "openvino-f32"
    size: int  # side A of the atlas

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; once per look.

        Raises:
            EngineError: the texture is not (A, A).
        """
        ...

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces.

        Args:
            textures: (N, A, A, 4) sRGB colour + visibility, 0..1.
            prepared: a look prepared by this engine.

        Returns:
            (N, A, A, 6) gain RGB in [0, 4] + offset RGB in [-4, 1], linear light.

        Raises:
            EngineError: wrong shape, or a look of another engine.
        """
        ...

    def warm_up(self) -> None:
        """Run once on an empty texture, so that the first real frame is not the slow one."""
        ...

    def wait_ready(self) -> None:
        """Wait until frames are served as they will be from now on; TensorRT's take over later."""
        ...

    def close(self) -> None:
        """Free the model; idempotent. Calls after it raise EngineError."""
        ...


@runtime_checkable
class DeviceEngine(Engine, Protocol):
    """An engine that also takes textures on its GPU, and leaves the layers there."""

    stream: Any  # what `on_device` queues its work on, with `__cuda_stream__`; None on a CPU

    def on_device(self, textures: Any, prepared: PreparedLook) -> Any:
        """Predict the makeup layers of N faces without leaving the GPU or waiting for it.

        Args:
            textures: (N, A, A, 4) float32, contiguous, to be read by DLPack once the stream comes
                to it; `__call__` says what it holds.
            prepared: a look prepared by this engine.

        Returns:
            (N, A, A, 6) float32, contiguous, with `__dlpack__`; complete once the stream is.

        Raises:
            EngineError: wrong shape, or a look of another engine.
        """
        ...


def stack_texture(texture: FaceTexture, size: int) -> Float32:
    """A face as the networks take it, (1, A, A, 4) float32.

    Raises:
        EngineError: the texture is not (A, A).
    """
    colour, visibility = texture.colour, texture.visibility
    if colour.shape != (size, size, 3) or visibility.shape != (size, size):
        raise EngineError(f"Face texture is {colour.shape}; unwrap it into a {size}x{size} atlas.")
    stacked = np.concatenate((colour, visibility[..., None]), axis=2, dtype=np.float32)
    return np.ascontiguousarray(stacked[None])


def empty_face(size: int) -> FaceTexture:
    """A texture in which nothing was seen, to warm up with."""
    return FaceTexture(np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32))


def check_textures(textures: Float32, prepared: PreparedLook, size: int, name: str) -> Float32:
    """The textures as contiguous float32, after checking that they and the look fit the engine.

    Raises:
        EngineError: wrong shape, or a look of another engine.
    """
    check_fit(textures, prepared, size, name)
    return np.ascontiguousarray(textures, dtype=np.float32)


def check_fit(textures: Any, prepared: PreparedLook, size: int, name: str) -> None:
    """Refuse textures, on whatever device, or a look that do not fit the engine.

    Raises:
        EngineError: wrong shape, or a look of another engine.
    """
    if textures.ndim != 4 or textures.shape[1:] != (size, size, 4):
        raise EngineError(f"Textures are {textures.shape}; give (N, {size}, {size}, 4).")
    if prepared.engine != name:
        raise EngineError(f"The look was prepared by {prepared.engine}; prepare it with {name}.")
