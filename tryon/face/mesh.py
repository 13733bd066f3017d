"""The canonical face mesh of the MediaPipe bundle: 468 vertices, 898 triangles, no holes.

It is the topology every parsed face shares; the atlas and the pose come from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from tryon.types import Float32

VERTEX_COUNT = 468  # the other ten of the 478 landmarks are the irises


@dataclass(frozen=True, slots=True, eq=False)
class FaceMesh:
    """Constants of the mesh."""

    vertices: Float32  # (468, 3) cm; x to the picture's right, y up, z towards the camera
    triangles: NDArray[np.int32]  # (898, 3)
    atlas_uv: Float32  # (468, 2) our own parametrisation, 0..1, v down (see `atlas_build`)


@cache
def face_mesh() -> FaceMesh:
    """Load the mesh that ships with the package."""
    from safetensors.numpy import load

    tensors = load((files("tryon.face") / "assets" / "face_mesh.safetensors").read_bytes())
    triangles = tensors["triangles"]
    triangles.setflags(write=False)  # kernels look at indices that cannot change once
    return FaceMesh(tensors["vertices"], triangles, tensors["atlas_uv"])
