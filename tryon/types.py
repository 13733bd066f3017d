"""The frozen values that travel between stages; this module imports nothing of ours.

Arrays inside are shared, not copied: a stage that receives one never writes to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

REGIONS: tuple[str, ...] = ("skin", "cheeks", "nose", "brows", "eyes", "lips")
"""Region names, in the order of every array with a region axis. They partition the face."""

MAX_INTENSITY = 1.5
"""Largest intensity of a region; 0 is none, 1 as photographed."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the stream."""

    image: UInt8  # (H, W, 3) RGB, upright
    index: int = 0
    pts: Fraction | None = None  # s, from the container; None for a camera
    captured_at: int = 0  # ns, time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class Pose:
    """Head rotation in degrees; yaw > 0 turns to the picture's right, pitch > 0 looks down."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One parsed face."""

    landmarks: Float32  # (478, 3) px of the frame; z in px, negative towards the camera
    pose: Pose
    confidence: float  # face presence, 0..1
    track_id: int = -1  # stable over frames; -1 before tracking

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounding box of the landmarks: x0, y0, x1, y1 in px (may leave the frame)."""
        lo, hi = self.landmarks[:, :2].min(0), self.landmarks[:, :2].max(0)
        return float(lo[0]), float(lo[1]), float(hi[0]), float(hi[1])

    @property
    def width(self) -> float:
        """Width of the landmark box in px."""
        x = self.landmarks[:, 0]
        return float(x.max() - x.min())


@dataclass(frozen=True, slots=True, eq=False)
class FaceTexture:
    """A face unwrapped into the atlas."""

    colour: Float32  # (A, A, 3) sRGB-encoded RGB, 0..1; 0 where nothing was seen
    visibility: Float32  # (A, A), 0 hidden .. 1 seen


REMOVAL = (0.0, 0.0, 0.0, 1.0)
"""Colour and visibility of every texel of the reference that asks for bare skin.

A black picture seen in full is no face, so no photograph can ask for it by chance.
"""


@dataclass(frozen=True, slots=True, eq=False)
class MakeupLayer:
    """Makeup as an affine map of linear light: `out = gain * in + offset` at each texel.

    Premultiplied alpha is the case gain = 1 - alpha, offset = alpha * colour. The identity
    (gain 1, offset 0) paints nothing.
    """

    affine: Float32  # (A, A, 6): gain RGB (>= 0), offset RGB; linear light. In a session on a GPU
    # an array there, for the kernels of that session alone.
    frame_index: int = 0
    look_digest: str = ""


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Wall time of each stage for one frame, in ms.

    Kernels on a GPU are only queued by their stages; `composite` waits until all of them are done.
    """

    parse: float = 0.0
    track: float = 0.0
    unwrap: float = 0.0
    student: float = 0.0
    cover: float = 0.0  # looking for what is in front of the faces
    smooth: float = 0.0
    composite: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TryOnResult:
    """What `TryOnSession.process` returns."""

    image: UInt8  # (H, W, 3) RGB; the input array itself when nothing was painted
    faces: tuple[Face, ...] = ()
    timings: StageTimings = field(default_factory=StageTimings)
    backend: str = ""
