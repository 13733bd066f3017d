"""HDR pictures (PQ, HLG) to what an ordinary screen shows: BT.2020 or BT.709 light in, BT.709 out.

Everything up to half of diffuse white keeps its luminance; highlights are compressed by the curve
of ITU-R BT.2390, hue kept. It assumes the usual peak of 1000 cd/m2 and reads no metadata.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tryon.streaming.media_pixels import Colour
from tryon.types import Float32, UInt8

WHITE, PEAK = 203.0, 1000.0  # cd/m2: diffuse white (BT.2408), brightest highlight
_PQ, _BT2020 = 16, 9  # CICP transfer, primaries
_CODES, _STEPS = 4096, 4096  # entries of the tables
_GAMMA = 2.4  # of the screen the output is meant for (BT.1886)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)


class ToneMap:
    """Brings one stream's pictures to BT.709.

    Args:
        colour: Tags of the stream; the transfer is PQ or HLG.
    """

    def __init__(self, colour: Colour) -> None:
        codes = np.arange(_CODES) / (_CODES - 1)
        self._pq = colour.transfer == _PQ
        self._wide = colour.primaries == _BT2020
        light = pq_to_light(codes) / WHITE if self._pq else hlg_to_scene(codes)
        self._light = light.astype(np.float32)
        # Tables over the square root, which spreads the dark tones as an eye does.
        self._top = PEAK / WHITE
        root = np.arange(_STEPS) / (_STEPS - 1)
        bright = np.maximum(root**2 * self._top, 1e-6)
        self._scale = (tone_curve(bright * WHITE) / WHITE / bright).astype(np.float32)
        self._encode = np.rint(255 * (root**2) ** (1 / _GAMMA)).astype(np.uint8)

    def __call__(self, image: NDArray[np.uint16]) -> UInt8:
        """Map one picture.

        Args:
            image: (H, W, 3) uint16 RGB as coded, full range.

        Returns:
            (H, W, 3) uint8 RGB, BT.709 for a screen of gamma 2.4.
        """
        import cv2

        light: Float32 = self._light[image >> 4]  # 1 is diffuse white
        if not self._pq:
            # HLG states the scene; the screen's own curve depends on luminance (BT.2100, 1000 cd).
            scene = np.maximum(light @ _LUMINANCE, 1e-6)
            light *= (np.float32(self._top) * scene ** np.float32(0.2))[..., None]
        if self._wide:
            light = np.maximum(cv2.transform(light, _TO_BT709), 0)
        light *= self._scale[_index(light.max(-1), self._top)][..., None]
        mapped: UInt8 = self._encode[_index(light, 1.0)]
        return mapped


def pq_to_light(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: code 0..1 -> cd/m2."""
    power = code ** (1 / 78.84375)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 * ratio ** (1 / 0.1593017578125))


def light_to_pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: cd/m2 -> code 0..1."""
    power = (np.maximum(light, 0) / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg_to_scene(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100 HLG: code 0..1 -> light of the scene, 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def tone_curve(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2390 EETF: 0..PEAK cd/m2 -> 0..WHITE cd/m2, unchanged below the knee."""
    peak, top = light_to_pq(np.array(PEAK)), light_to_pq(np.array(WHITE))
    code, high = light_to_pq(np.minimum(light, PEAK)) / peak, float(top / peak)
    knee = 1.5 * high - 0.5
    t = (code - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * high
    )
    return pq_to_light(np.where(code < knee, code, spline) * peak)


def _index(light: Float32, top: float) -> NDArray[np.intp]:
    """Place in a table over the square root of 0..top."""
    root = np.sqrt(np.clip(light / np.float32(top), 0, 1))
    return np.asarray(np.rint(root * (_STEPS - 1)), np.intp)
