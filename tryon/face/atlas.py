"""The face atlas: a fixed 2-D parametrisation of the mesh, and the constants that go with it.

It turns a resolution into look-up tables (texel -> triangle, barycentrics, canonical position)
and landmarks into the visibility of each vertex. It never looks at pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from tryon.face.mesh import VERTEX_COUNT, face_mesh
from tryon.types import Float32

DEFAULT_SIZE = 256  # texels a side on CPUs; 512 on GPUs, same code path
FACING_RANGE = (0.12, 0.40)  # cosine to the camera where a vertex fades out / is fully seen


@dataclass(frozen=True, eq=False)
class Atlas:
    """Constants of the atlas at one resolution."""

    size: int  # A, texels a side
    uv: Float32  # (468, 2) texel coordinates of the vertices
    triangles: NDArray[np.int32]  # (898, 3)
    texel_triangle: NDArray[np.int32]  # (A, A), -1 where no triangle lies
    texel_barycentric: Float32  # (A, A, 3), sums to 1 inside

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(A, A) texels that belong to the face."""
        return self.texel_triangle >= 0

    @cached_property
    def position(self) -> Float32:
        """(A, A, 3) canonical position in cm (x picture right, y up, z to the camera)."""
        return self.interpolate(face_mesh().vertices)

    def interpolate(self, per_vertex: Float32) -> Float32:
        """Spread per-vertex values (468, C) over the texels: (A, A, C), 0 outside."""
        corners = per_vertex[self.triangles[np.maximum(self.texel_triangle, 0)]]
        values = np.einsum("hwk,hwkc->hwc", self.texel_barycentric, corners)
        return np.asarray(values * self.inside[..., None], np.float32)


@cache
def atlas(size: int = DEFAULT_SIZE) -> Atlas:
    """Build (once) the atlas at `size` texels a side."""
    mesh = face_mesh()
    uv = (mesh.atlas_uv * size).astype(np.float32)
    owner = np.full((size, size), -1, np.int32)
    barycentric = np.zeros((size, size, 3), np.float32)
    for index, triangle in enumerate(mesh.triangles):
        a, b, c = uv[triangle].astype(np.float64)
        x0, y0 = np.floor(np.minimum(np.minimum(a, b), c) - 0.5).astype(int)
        x1, y1 = np.ceil(np.maximum(np.maximum(a, b), c) + 0.5).astype(int)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size), min(y1, size)
        x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        weights = np.stack([1 - wb - wc, wb, wc], -1)
        hit = (weights >= -1e-6).all(-1) & (owner[y0:y1, x0:x1] < 0)
        owner[y0:y1, x0:x1][hit] = index
        barycentric[y0:y1, x0:x1][hit] = weights[hit]
    owner.setflags(write=False)  # the kernels then look at its indices once, not in every frame
    return Atlas(size, uv, mesh.triangles, owner, barycentric)


def vertex_visibility(landmarks: Float32) -> Float32:
    """How well the camera sees each vertex, from the angle of the mesh towards it.

    Args:
        landmarks: (>= 468, 3) px, z negative towards the camera.

    Returns:
        (468,) float32, 0 for turned away .. 1 for facing.
    """
    from tryon.kernels import cpu

    points = np.ascontiguousarray(landmarks[:VERTEX_COUNT], np.float32)
    seen: Float32 = cpu.facing(points, face_mesh().triangles, *FACING_RANGE)
    return seen
