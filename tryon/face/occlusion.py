"""What is in front of a face: a texture -> the same, less visible where something hides it.

A small network looks at the atlas for hands, cups, hair and glasses. It never changes a colour.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

import numpy as np

from tryon._openvino import load_openvino, open_core
from tryon.errors import EngineError, WeightsError
from tryon.types import FaceTexture, Float32

SIDE = 128  # texels a side of the atlas that the network looks at
SHA256 = {".xml": "", ".bin": ""}
SURE = (0.5, 0.8)  # probability of being hidden from which a texel fades out / is not seen at all


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
            ov, core = load_openvino(), open_core()
            graph = core.read_model(xml, ov.Tensor(np.frombuffer(weights, np.uint8)))
            settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
            compiled = core.compile_model(graph, "CPU", settings)
        except (ImportError, RuntimeError) as error:
            raise EngineError(
                f"OpenVINO cannot load the occlusion network ({error}); "
                "reinstall it: pip install -U openvino"
            ) from error
        self._request: Any = compiled.create_infer_request()
        self._input: Float32 = self._request.get_input_tensor().data[0]
        self._output: Float32 = self._request.get_output_tensor().data[0, 0]

    def hidden(self, texture: FaceTexture) -> Float32:
        """How much of each part of a face something is in front of.

        Args:
            texture: of a multiple of 128 texels a side.

        Returns:
            (128, 128) float32, 0 the face .. 1 something else.

        Raises:
            EngineError: the side is no multiple of 128.
        """
        size = len(texture.visibility)
        if size % SIDE:
            raise EngineError(f"No occlusion in a {size}x{size} atlas; use a multiple of {SIDE}.")
        step = size // SIDE
        for channel, plane in enumerate((*texture.colour.transpose(2, 0, 1), texture.visibility)):
            parts = [plane[i::step, j::step] for i in range(step) for j in range(step)]
            np.divide(sum(parts), step * step, out=self._input[channel])
        self._request.infer()
        low, high = SURE
        t = np.clip((self._output[0] - low) * (1 / (high - low)), 0, 1)
        return np.asarray(t * t * (3 - 2 * t), np.float32)

    def __call__(self, texture: FaceTexture) -> FaceTexture:
        """The same colours; visibility multiplied by the share of each texel that is the face."""
        face, size = 1 - self.hidden(texture), len(texture.visibility)
        step = size // SIDE
        seen = np.empty((size, size, 4), np.float32)  # one array, as unwrapping leaves them
        seen[..., :3] = texture.colour
        seen[..., 3] = texture.visibility * face.repeat(step, 0).repeat(step, 1)
        return FaceTexture(seen[..., :3], seen[..., 3])


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
