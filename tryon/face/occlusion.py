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
    """The network, compiled for one atlas size; one object serves one thread."""

    def __init__(self, size: int, threads: int = 2) -> None:
        """Load the network.

        Args:
            size: texels a side of the textures, a multiple of 128.
            threads: CPU threads.

        Raises:
            WeightsError: it is missing or damaged.
            EngineError: OpenVINO refuses it, or the size does not fit.
        """
        if size % SIDE:
            raise EngineError(f"No occlusion in a {size}x{size} atlas; use a multiple of {SIDE}.")
        xml, weights = (_asset(end) for end in (".xml", ".bin"))
        try:
            ov = load_openvino()
            core = open_core()
            body = core.read_model(xml, ov.Tensor(np.frombuffer(weights, np.uint8)))
            settings = {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": threads,
            }
            compiled = core.compile_model(_around(body, size), "CPU", settings)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot load the occlusion network: {error}") from error
        self._request: Any = compiled.create_infer_request()
        self._input: Float32 = self._request.get_input_tensor().data[0]
        self._output: Float32 = self._request.get_output_tensor().data[0]

    def __call__(self, texture: FaceTexture) -> FaceTexture:
        """Hide what something is in front of.

        Args:
            texture: of the size this was made for.

        Returns:
            The same colours; visibility multiplied by the share of each texel that is the face.
        """
        packed = self._input
        packed[..., :3], packed[..., 3] = texture.colour, texture.visibility
        self._request.infer()
        seen = np.array(packed)  # colour and visibility in one array, as unwrapping leaves them
        seen[..., 3] *= self._output[..., 0]
        return FaceTexture(seen[..., :3], seen[..., 3])


def _around(body: Any, size: int) -> Any:
    """The network between a texture of any size and how much of it is the face, (1, A, A, 1)."""
    ov = load_openvino()
    ops = ov.opset13
    texture = ops.parameter([1, size, size, 4], ov.Type.f32)
    step = size // SIDE
    planes = ops.transpose(texture, np.array([0, 3, 1, 2]))
    small = ops.avg_pool(planes, [step] * 2, [0, 0], [0, 0], [step] * 2, True)
    (inlet,) = body.get_parameters()
    inlet.output(0).replace(small.output(0))
    logits = body.get_results()[0].input_value(0)
    low, high = SURE
    t = ops.clamp(ops.divide(ops.subtract(ops.sigmoid(logits), np.float32(low)), np.float32(high - low)), 0, 1)
    hidden = ops.multiply(ops.multiply(t, t), ops.subtract(np.float32(3), ops.multiply(np.float32(2), t)))
    shape = np.array([size, size])
    wide = ops.interpolate(hidden, shape, "linear_onnx", "sizes", axes=np.array([2, 3]))
    seen = ops.reshape(ops.subtract(np.float32(1), wide), np.array([1, size, size, 1]), False)
    return ov.Model([seen], [texture], "occlusion")


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
