"""Where a session's frames are worked on: the kernels, and the student on the kernels' arrays.

The choice is explicit or announced; CUDA kernels have to agree with the reference on this very GPU
before a frame is trusted to them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

import numpy as np

from tryon.engines.base import DeviceEngine, Engine, PreparedLook, empty_face
from tryon.engines.gpu import TURN
from tryon.engines.precision import fixed_texture
from tryon.errors import EngineError
from tryon.face.unwrap import unwrap_faces
from tryon.kernels.sets import CPU, KernelSet
from tryon.layer.refresh import STUDENT
from tryon.types import Face, Float32, UInt8

if TYPE_CHECKING:
    from tryon.kernels.cuda_device import Device
    from tryon.kernels.cuda_set import CudaSet

Layers = Sequence[Any]
"""A layer (A, A, 6) of the kernels for each face; None where the prediction is broken."""

_AGREED = 0.1  # of gain and offset, between the student's two ways in


@dataclass(frozen=True, slots=True)
class CpuWorkplace:
    """The kernels on the CPU, with any engine."""

    engine: Engine
    kernels: KernelSet = CPU
    turn: RLock = field(default_factory=RLock)  # held while a frame is in work
    student_stages: ClassVar = STUDENT  # where its time is spent

    def predict(self, textures: Any, prepared: PreparedLook) -> Layers:
        """The layers of faces; see `Engine.__call__`."""
        layers = self.engine(textures, prepared)
        return [layer if np.isfinite(layer).all() else None for layer in layers]

    def at_hand(self, texture: Any, image: UInt8, face: Face) -> Float32:
        """A face's texture (A, A, 4) where NumPy can read it."""
        found: Float32 = texture
        return found


@dataclass(frozen=True, slots=True)
class GpuWorkplace:
    """The kernels on the GPU, and an engine there that takes and gives arrays in place."""

    engine: DeviceEngine
    kernels: CudaSet
    turn: RLock = TURN
    student_stages: ClassVar = (*STUDENT, "composite")  # what was only queued is waited for there

    def predict(self, textures: Any, prepared: PreparedLook) -> Layers:
        """The layers of faces, on the GPU.

        Whether one is broken is not read back: the kernels leave such texels as they are.
        """
        layers = self.kernels.device.adopt(self.engine.on_device(textures, prepared))
        return [layers[index] for index in range(len(layers))]

    def at_hand(self, texture: Any, image: UInt8, face: Face) -> Float32:
        """A face's texture where NumPy can read it: sampled anew, sooner than waited for."""
        found: Float32 = unwrap_faces(image, [face], self.engine.size)[0]
        return found


Workplace = CpuWorkplace | GpuWorkplace


def open_workplace(wanted: str, engine: Engine) -> Workplace:
    """Choose the kernels that go with an engine, and try them if they are CUDA's.

    Args:
        wanted: one of KERNELS; "auto" is CUDA where the engine is on a GPU.
        engine: runs the student.

    Returns:
        The workplace. Where "auto" wanted CUDA and could not have it, a warning has said why.

    Raises:
        EngineError: "cuda" is wanted and cannot be had.
    """
    if wanted == "cpu" or (wanted == "auto" and not on_gpu(engine)):
        return CpuWorkplace(engine)
    from tryon.kernels.cuda import UPDATE, why_not

    fault: str | None
    if not on_gpu(engine):
        fault = f"{engine.name} is not on a GPU: use backend tensorrt or torch-cuda"
    elif (fault := why_not()) is None:
        try:
            workplace, fault = _with_cuda(engine)
        except Exception as error:  # whatever CuPy, its compiler and the driver raise
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            fault = f"{line.rstrip('.')}: {UPDATE}"
        if fault is None:
            return workplace
    problem = f"CUDA kernels cannot be used: {fault}"
    if wanted == "cuda":
        raise EngineError(f"{problem}; or use kernels cpu.")
    logging.getLogger("tryon").warning("%s; the CPU kernels are used.", problem)
    return CpuWorkplace(engine)


def on_gpu(engine: Engine) -> TypeGuard[DeviceEngine]:
    """Whether an engine has its student on a GPU."""
    return isinstance(engine, DeviceEngine) and engine.stream is not None


def open_device(stream: Any) -> Device:
    """The GPU, with everything queued on one stream.

    Raises:
        RuntimeError: there is none, or no CuPy; the message has the remedy.
    """
    from tryon.kernels.cuda import CudaDevice

    return CudaDevice(stream)


def _with_cuda(engine: DeviceEngine) -> tuple[GpuWorkplace, str | None]:
    """The workplace on the GPU, and what is wrong with it."""
    from tryon.kernels.cuda_check import fault_of
    from tryon.kernels.cuda_set import CudaSet

    with TURN:  # it allocates, as a frame does
        workplace = GpuWorkplace(engine, CudaSet(open_device(engine.stream)))
        return workplace, fault_of(workplace.kernels) or _fault_of_student(workplace)


def _fault_of_student(workplace: GpuWorkplace) -> str | None:
    """What is wrong with the student's layers when nothing leaves the GPU; None if nothing."""
    engine, device = workplace.engine, workplace.kernels.device
    textures = fixed_texture(engine.size)[None]
    prepared = engine.prepare(empty_face(engine.size))
    (layer,) = workplace.predict(device.upload(textures), prepared)
    error = np.abs(device.download(layer) - engine(textures, prepared)[0]).max()
    if error <= _AGREED:
        return None
    return f"the student's layers are {error:.2g} off where they stay on the GPU"
