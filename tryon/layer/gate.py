"""How much of a layer is shown: region intensities, pose, confidence and size of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.kernels.sets import CPU, KernelSet
from tryon.types import MAX_INTENSITY, REGIONS, Face, Float32, MakeupLayer


@dataclass(frozen=True, slots=True)
class FadeConfig:
    """Where makeup fades out because the face cannot be read well enough; from -> to 0."""

    yaw: tuple[float, float] = (48.0, 72.0)  # deg, either side
    pitch: tuple[float, float] = (38.0, 60.0)  # deg, up or down
    confidence: tuple[float, float] = (0.75, 0.5)
    width: tuple[float, float] = (56.0, 40.0)  # px of the landmark box

    def __post_init__(self) -> None:
        for name in ("yaw", "pitch", "confidence", "width"):
            full, none = getattr(self, name)
            if full == none or min(full, none) < 0:
                raise ConfigError(f"FadeConfig.{name} is {full, none}; give two different values")


def check_intensity(region: str, value: float) -> float:
    """Return the intensity, or raise `ConfigError` naming the region, value and range."""
    if region not in REGIONS and region != "all":
        raise ConfigError(f"no region {region!r}; choose from all, {', '.join(REGIONS)}")
    if not 0.0 <= value <= MAX_INTENSITY:  # also catches NaN
        raise ConfigError(f"intensity of {region} is {value}; use 0 to {MAX_INTENSITY:g}")
    return float(value)


def fade(face: Face, config: FadeConfig) -> float:
    """Share of the makeup to show on this face, 1 .. 0; monotone in each cause."""
    causes = (
        (abs(face.pose.yaw), config.yaw),
        (abs(face.pose.pitch), config.pitch),
        (face.confidence, config.confidence),
        (face.width, config.width),
    )
    share = 1.0
    for value, (full, none) in causes:
        t = min(max(0.0, (value - none) / (full - none)), 1.0)  # 0 where the value is NaN
        share = min(share, t * t * (3 - 2 * t))
    return share


def gate_layer(
    layer: MakeupLayer,
    visibility: Any,
    intensities: Sequence[float],
    share: float,
    kernels: KernelSet = CPU,
    free: Float32 | None = None,
) -> MakeupLayer:
    """Scale a layer towards the identity.

    Args:
        layer: as predicted, of `kernels`.
        visibility: (A, A) of `kernels`, how well the camera sees each texel.
        intensities: one for each of REGIONS, 0 .. MAX_INTENSITY.
        share: for the whole face, 0..1.
        kernels: what scales.
        free: (A, A) share of each texel that nothing in front of the face covers; None is all.

    Returns:
        A new layer; the exact identity where the product is 0.
    """
    shown = _shown(len(layer.affine), tuple(intensities))
    affine = kernels.gate(layer.affine, shown, np.array([share], np.float32), visibility, free)
    return MakeupLayer(affine, layer.frame_index, layer.look_digest)


@lru_cache(maxsize=16)
def _shown(size: int, intensities: tuple[float, ...]) -> Float32:
    """(A, A, 1) how much of the layer each texel shows; intensities change far less than frames."""
    masks = region_masks(size)
    shown: Float32 = masks.weights @ np.asarray(intensities, np.float32) * masks.rim
    return np.ascontiguousarray(shown[..., None])
