"""Temporal smoothing of layers in face space: nothing swims, because the atlas moves with the face.

A small change is noise and is averaged away; a large one (a hand, a blink, a new look) is believed
at once, so that no ghost of the old layer stays behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tryon.errors import ConfigError
from tryon.kernels.sets import CPU, KernelSet
from tryon.types import MakeupLayer


@dataclass(frozen=True, slots=True)
class SmoothConfig:
    """Settings of the smoother."""

    time_constant: float = 0.12  # s; 0 switches smoothing off
    believed: float = 0.25  # change of gain or offset that is taken over at once
    appear: float = 0.15  # s over which makeup fades in on a new face
    forget: float = 1.0  # s after which an unseen face's layer is dropped

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0 <= getattr(self, name) <= 60:
                raise ConfigError(f"SmoothConfig.{name} is {getattr(self, name)}; use 0 to 60")


LIVE = SmoothConfig()
STILLS = SmoothConfig(time_constant=0.0, appear=0.0)  # each picture is taken for itself


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    affine: Any
    digest: str
    first_seen: float
    last_seen: float


class LayerSmoother:
    """One running average of the layer for each face."""

    def __init__(self, config: SmoothConfig | None = None, kernels: KernelSet = CPU) -> None:
        self.config = config or SmoothConfig()
        self._kernels = kernels
        self._faces: dict[int, _Memory] = {}

    def reset(self) -> None:
        """Forget every face, as after a cut."""
        self._faces.clear()

    def update(
        self, track_id: int, layer: MakeupLayer, visibility: Any, seconds: float
    ) -> tuple[MakeupLayer, float]:
        """Smooth the layer of one face.

        Args:
            track_id: of the face.
            layer: predicted for this frame, of the kernels.
            visibility: (A, A) of the kernels; hidden texels keep what was last seen there.
            seconds: time of this frame on any steady clock.

        Returns:
            The smoothed layer, and the share 0..1 by which a new face has faded in.
        """
        known = self._faces.get(track_id)
        # The clock may have jumped back, to before the face was first seen.
        first = seconds if known is None else min(seconds, known.first_seen)
        if known is None or known.digest != layer.look_digest or seconds < known.last_seen:
            affine = layer.affine
        else:
            affine = self._average(known, layer.affine, visibility, seconds)
        self._faces[track_id] = _Memory(affine, layer.look_digest, first, seconds)
        self._drop_unseen(seconds)
        grown = (seconds - first) / self.config.appear if self.config.appear else 1.0
        # The first frame already shows some, so that a still is not left bare.
        share = min(1.0, 0.34 + max(grown, 0.0))
        return MakeupLayer(affine, layer.frame_index, layer.look_digest), share

    def _average(self, known: _Memory, current: Any, visibility: Any, seconds: float) -> Any:
        if self.config.time_constant == 0:
            return current
        step = 1.0 - math.exp(-(seconds - known.last_seen) / self.config.time_constant)
        believed = max(self.config.believed, 1e-6)
        return self._kernels.follow(known.affine, current, visibility, step, believed)

    def _drop_unseen(self, seconds: float) -> None:
        for track_id, memory in list(self._faces.items()):
            if seconds - memory.last_seen > self.config.forget:
                del self._faces[track_id]
