"""What is in front of a face: a texture of the atlas -> how well the face itself is seen.

A small network looks for hands, cups, hair and glasses; it never changes a colour.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from tryon._openvino import load_openvino, open_core
from tryon.errors import EngineError, WeightsError
from tryon.face.atlas import atlas
from tryon.types import FaceTexture, Float32

INPUT, OUTPUT = 256, 128
"""Texels a side of the atlas that the network reads, and of what it answers."""

SHA256 = {
    ".xml": "f4402d84f0c8e2b7bb918644b71bfb2564c02addf7e27cdcdbbd15dc4afdbdb5",
    ".bin": "20627946957a9509c2399d339871db8f138d042f2d995736b0e8688f4a2b13c1",
}
SURE = (0.4, 0.7)  # probability of being hidden from which a texel fades out / is not seen at all


class Occlusion:
    """The compiled network; one object serves one thread."""

    def __init__(self, threads: int = 2) -> None:
        """Load the network.

        Args:
            threads: CPU threads.

        Raises:
            WeightsError: it is missing or damaged.
            EngineError: OpenVINO refuses it.
        """
        xml, weights = (_asset(end) for end in (".xml", ".bin"))
        try:
            self._ov, core = load_openvino(), open_core()
            graph = core.read_model(xml, self._ov.Tensor(np.frombuffer(weights, np.uint8)))
            settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
            compiled = core.compile_model(graph, "CPU", settings)
        except (ImportError, RuntimeError) as error:
            raise EngineError(
                f"OpenVINO cannot load the occlusion network ({error}); "
                "reinstall it: pip install -U openvino"
            ) from error
        self._request: Any = compiled.create_infer_request()
        self._output: Float32 = self._request.get_output_tensor().data[0, 0]
        self._inside = atlas(OUTPUT).inside

    def __call__(self, texture: Float32) -> Float32:
        """What of a face is free, and what is behind something in front of it.

        Args:
            texture: (A, A, 4) float32, contiguous: sRGB RGB and visibility, 0..1; A is a multiple
                of 256.

        Returns:
            (128, 128) float32: 1 free, 0 covered. Beyond the face it is always free.

        Raises:
            EngineError: the side is no multiple of 256.
        """
        size = len(texture)
        if size % INPUT or texture.shape != (size, size, 4):
            raise EngineError(
                f"no occlusion network for {texture.shape}; use a multiple of {INPUT} a side, "
                "or OcclusionConfig(on=False)"
            )
        step = size // INPUT
        read = np.ascontiguousarray(texture[::step, ::step])  # as it is, where that is 256
        self._request.set_input_tensor(0, self._ov.Tensor(read[None], shared_memory=True))
        self._request.infer()
        low, high = SURE
        t = np.clip((self._output - low) * (1 / (high - low)), 0, 1)
        free: Float32 = np.where(self._inside, 1 - t * t * (3 - 2 * t), np.float32(1))
        return free


def widened(free: Float32, size: int) -> Float32:
    """What `Occlusion` says, (128, 128), on an atlas of `size` texels a side, a multiple of 128."""
    times = size // OUTPUT
    return free.repeat(times, 0).repeat(times, 1)


def uncovered(texture: FaceTexture) -> FaceTexture:
    """One face of a photograph, less visible where something is in front of it.

    Raises:
        WeightsError, EngineError: the network cannot be loaded, or the atlas does not fit it.
    """
    packed = np.dstack([texture.colour, texture.visibility]).astype(np.float32, copy=False)
    with _in_use:
        free = _of_stills()(packed)
    return FaceTexture(texture.colour, texture.visibility * widened(free, len(packed)))


_in_use = threading.Lock()


@cache
def _of_stills() -> Occlusion:
    """One network for all photographs; a sheet of thumbnails shows one face many times."""
    return Occlusion()


def _asset(end: str) -> bytes:
    """A file of the network.

    Raises:
        WeightsError: it is missing, or not the one that was shipped.
    """
    remedy = "reinstall the package: pip install --force-reinstall --no-deps tryon"
    try:
        data = (files("tryon.face") / "assets" / f"occlusion{end}").read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the occlusion network ({error}); {remedy}") from error
    if hashlib.sha256(data).hexdigest() != SHA256[end]:
        raise WeightsError(f"the occlusion network is damaged; {remedy}")
    return data
