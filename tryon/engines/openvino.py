"""The CPU engine: both towers as OpenVINO graphs, in the precision this CPU runs fastest safely.

It never imports PyTorch, so a session starts in a fraction of a second.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon._openvino import load_openvino, open_core
from tryon.engines.base import PreparedLook, check_textures, empty_face, stack_texture
from tryon.errors import EngineError
from tryon.models.weights import STUDENT_DIR, read_manifest, verified_bytes
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    import openvino as ov
    from openvino import InferRequest

ENCODER, STUDENT = "encoder", "student"  # graph file names, without .xml and .bin
PRECISIONS = ("auto", "f32", "bf16")


class OpenVinoEngine:
    """OpenVINO on the CPU; one face at a time, which a few cores run as fast as a batch."""

    def __init__(
        self, folder: Path = STUDENT_DIR, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Load and compile the graphs.

        Args:
            folder: a model folder with a manifest.
            precision: "f32", "bf16", or "auto": bf16 where the CPU is faster with it.
            threads: CPU threads; None takes as many as there are cores, at most 4.

        Raises:
            WeightsError: files are missing or changed.
            EngineError: OpenVINO does not load, or the precision is unknown.
        """
        if precision not in PRECISIONS:
            raise EngineError(f"Unknown precision {precision}; use one of {', '.join(PRECISIONS)}.")
        manifest = read_manifest(folder)
        graphs = [
            tuple(verified_bytes(folder, manifest, name + end) for end in (".xml", ".bin"))
            for name in (ENCODER, STUDENT)
        ]
        try:
            ov = load_openvino()
        except ImportError as error:
            raise EngineError("OpenVINO cannot be imported; pip install openvino.") from error
        self.size = manifest.size
        self._ov = ov
        count = threads or min(4, _cores())
        try:
            core = open_core()
            encoder, student = (
                # An ov.Tensor of shared memory: the constants are not copied a second time.
                core.read_model(xml, ov.Tensor(np.frombuffer(weights, np.uint8)))
                for xml, weights in graphs
            )
            chosen, compiled = _compile(core, student, precision, count)
            self._student: InferRequest | None = compiled.create_infer_request()
            # A look is encoded once, so exactness is worth more than its few milliseconds.
            self._encoder: InferRequest | None = core.compile_model(
                encoder, "CPU", _settings("f32", count)
            ).create_infer_request()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot load the model: {error}") from error
        self.name = f"openvino-{chosen}"
        self._bound: PreparedLook | None = None
        self._encoding = threading.Lock()  # looks may be prepared by any thread

    def prepare(self, reference: FaceTexture) -> PreparedLook:
        """Encode a reference face; see `Engine.prepare`."""
        texture = stack_texture(reference, self.size)
        with self._encoding:
            encoder = self._encoder
            if encoder is None:
                raise EngineError("The engine was closed; make a new one.")
            encoder.set_input_tensor(0, self._ov.Tensor(texture, shared_memory=True))
            encoder.infer()
            features = tuple(np.array(t.data, np.float32) for t in encoder.output_tensors)
        return PreparedLook(features, self.name, channel_axis=3)

    def __call__(self, textures: Float32, prepared: PreparedLook) -> Float32:
        """Predict the makeup layers of N faces; see `Engine.__call__`."""
        if self._student is None:
            raise EngineError("The engine was closed; make a new one.")
        checked = check_textures(textures, prepared, self.size, self.name)
        if prepared is not self._bound:
            for index, feature in enumerate(prepared.features):
                tensor = self._ov.Tensor(feature, shared_memory=True)
                self._student.set_input_tensor(index + 1, tensor)
            self._bound = prepared  # also keeps the shared arrays alive
        layers = np.empty((*checked.shape[:3], 6), np.float32)
        for index in range(len(checked)):
            source, layer = checked[index : index + 1], layers[index : index + 1]
            self._student.set_input_tensor(0, self._ov.Tensor(source, shared_memory=True))
            self._student.set_output_tensor(0, self._ov.Tensor(layer, shared_memory=True))
            self._student.infer()
        return layers

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def close(self) -> None:
        """Free the graphs."""
        self._student = self._encoder = self._bound = None


def _settings(precision: str, threads: int) -> dict[str, str | int]:
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }


def _compile(
    core: ov.Core, graph: ov.Model, precision: str, threads: int
) -> tuple[str, ov.CompiledModel]:
    """Compile in the wanted precision; for "auto", the one this CPU is known to run best.

    bfloat16 wins with matrix units (AMX) and on AMD's cores that have it (1.7x over float32);
    on Intel cores with the instructions but without AMX it was measured slower than float32.
    """
    if precision == "auto":
        precision = "f32"
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            compiled = core.compile_model(graph, "CPU", _settings("bf16", threads))
            if "AMD" in core.get_property("CPU", "FULL_DEVICE_NAME") or _uses_amx(compiled):
                return "bf16", compiled
    return precision, core.compile_model(graph, "CPU", _settings(precision, threads))


def _uses_amx(compiled: ov.CompiledModel) -> bool:
    """Whether the compiled graph runs on the matrix units."""
    nodes = compiled.get_runtime_model().get_ops()
    return any("amx" in str(dict(node.get_rt_info()).get("primitiveType", "")) for node in nodes)


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
