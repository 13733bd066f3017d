"""The CPU engine: both towers as OpenVINO graphs, in the precision this CPU runs fastest safely.

It never imports PyTorch, so a session starts in a fraction of a second.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon._openvino import load_openvino, open_core
from tryon.engines.base import PreparedLook, check_textures, empty_face, stack_texture
from tryon.engines.precision import (
    INT8_TOLERANCE,
    PRECISIONS,
    VNNI,
    best_precision,
    fixed_texture,
    int8_error,
    kept,
)
from tryon.errors import EngineError
from tryon.kernels import blocks
from tryon.kernels.compiled import cpu_features
from tryon.models.weights import STUDENT_DIR, Manifest, read_manifest, verified_bytes
from tryon.types import FaceTexture, Float32

if TYPE_CHECKING:
    from openvino import InferRequest

ENCODER, STUDENT, QUANTISED = "encoder", "student", "student-int8"
"""Graph file names, without .xml and .bin; the last is there only where it was made."""

ANSWER = QUANTISED + ".npy"
"""What the float32 student answers to the fixed texture and no look, see `precision.kept`."""

INT8_FILES = (QUANTISED + ".xml", QUANTISED + ".bin", ANSWER)


class OpenVinoEngine:
    """OpenVINO on the CPU; one face at a time, which a few cores run as fast as a batch."""

    def __init__(
        self, folder: Path = STUDENT_DIR, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Load and compile the graphs.

        Args:
            folder: a model folder with a manifest.
            precision: "f32", "bf16", "int8", or "auto": the fastest that is right on this CPU.
            threads: CPU threads; None takes as many as there are cores, at most 4.

        Raises:
            WeightsError: files are missing or changed.
            EngineError: OpenVINO does not load, the precision is unknown, or this CPU computes
                it wrongly.
        """
        if precision not in PRECISIONS:
            raise EngineError(f"Unknown precision {precision}; use one of {', '.join(PRECISIONS)}.")
        manifest = read_manifest(folder)
        try:
            ov = load_openvino()
        except ImportError as error:
            raise EngineError("OpenVINO cannot be imported; pip install openvino.") from error
        self.size = manifest.size
        self._ov = ov
        try:
            graphs = _Graphs(folder, manifest, threads or min(4, _cores()))
            self._student: _Student | None
            chosen, self._student = graphs.student(precision)
            # A look is encoded once, so exactness is worth more than its few milliseconds.
            self._encoder: InferRequest | None = graphs.open(ENCODER, "f32")
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
                self._student.request.set_input_tensor(index + 2, tensor)
            self._bound = prepared  # also keeps the shared arrays alive
        layers = np.empty((*checked.shape[:3], 6), np.float32)
        for texture, layer in zip(checked, layers, strict=True):
            blocks.unpack(texture, self._student(texture), layer)
        return layers

    def warm_up(self) -> None:
        """Run once on an empty texture."""
        nothing = np.zeros((1, self.size, self.size, 4), np.float32)
        self(nothing, self.prepare(empty_face(self.size)))

    def wait_ready(self) -> None:
        """It is."""

    def close(self) -> None:
        """Free the graphs."""
        self._student = self._encoder = self._bound = None


def fixed_answer(folder: Path) -> Float32:
    """What the float32 student of a folder answers to the fixed texture and no look."""
    graphs = _Graphs(folder, read_manifest(folder), _cores())
    return graphs.answer(_Student(graphs.open(STUDENT, "f32")))


class _Graphs:
    """The graphs of a model folder, opened one by one."""

    def __init__(self, folder: Path, manifest: Manifest, threads: int) -> None:
        self.folder, self.manifest, self.threads = folder, manifest, threads
        self.core = open_core()

    def open(self, name: str, precision: str) -> InferRequest:
        """Compile a graph; what is not int8 in it runs in `precision`, f32 or bf16."""
        xml, weights = (self._bytes(name + end) for end in (".xml", ".bin"))
        # An ov.Tensor of shared memory: the constants are not copied a second time.
        constants = load_openvino().Tensor(np.frombuffer(weights, np.uint8))
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        graph = self.core.read_model(xml, constants)
        return self.core.compile_model(graph, "CPU", settings).create_infer_request()

    def student(self, wanted: str) -> tuple[str, _Student]:
        """The student in the precision that is wanted, and its name.

        Raises:
            EngineError: int8 is wanted, and there is none or this CPU computes it wrongly.
        """
        features, cpu = cpu_features(), self.core.get_property("CPU", "FULL_DEVICE_NAME")
        quantised = ANSWER in self.manifest.files
        chosen = best_precision(features, cpu, quantised) if wanted == "auto" else wanted
        if chosen != "int8":
            return chosen, _Student(self.open(STUDENT, chosen))
        if not quantised:
            raise EngineError(f"The model in {self.folder} has no int8 student; export it again.")
        if VNNI.isdisjoint(features):
            raise EngineError("This CPU has no VNNI and computes int8 wrongly; use precision auto.")
        student = _Student(self.open(QUANTISED, "f32"))
        wanted_answer = np.load(io.BytesIO(self._bytes(ANSWER)), allow_pickle=False)
        error = int8_error(self.answer(student), wanted_answer)
        if error <= INT8_TOLERANCE:
            return "int8", student
        fault = f"This CPU computes the int8 student wrongly, {error:.0%} off"
        if wanted == "int8":
            raise EngineError(f"{fault}; use precision auto.")
        chosen = best_precision(features, cpu, quantised=False)
        logging.getLogger("tryon").warning("%s: %s is used.", fault, chosen)
        return chosen, _Student(self.open(STUDENT, chosen))

    def answer(self, student: _Student) -> Float32:
        """What a student answers to the fixed texture and no look."""
        for tensor in student.request.input_tensors:
            tensor.data[:] = 0
        return kept(student(fixed_texture(self.manifest.size)))

    def _bytes(self, name: str) -> bytes:
        return verified_bytes(self.folder, self.manifest, name)


class _Student:
    """The compiled student and its memory."""

    def __init__(self, request: InferRequest) -> None:
        self.request = request
        self._fine, self._coarse = (request.get_input_tensor(k).data[0] for k in range(2))
        self._residuals: Float32 = request.get_output_tensor().data[0]

    def __call__(self, texture: Float32) -> Float32:
        """Residuals of one texture; the next call overwrites them."""
        blocks.pack(texture, self._fine, self._coarse)
        self.request.infer()
        return self._residuals


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
