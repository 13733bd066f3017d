"""Unwrapping: a frame and a parsed face into the atlas. It never changes the frame."""

from __future__ import annotations

import numpy as np

from tryon.face.atlas import DEFAULT_SIZE, atlas, vertex_visibility
from tryon.face.mesh import VERTEX_COUNT
from tryon.types import Face, FaceTexture, Float32, UInt8


def mesh_points(face: Face) -> Float32:
    """The landmarks that are vertices of the mesh: (468, 3) float32 px, contiguous."""
    return np.ascontiguousarray(face.landmarks[:VERTEX_COUNT], np.float32)


def unwrap_face(image: UInt8, face: Face, size: int = DEFAULT_SIZE) -> FaceTexture:
    """Sample a face at every texel of the atlas.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: its landmarks in px of the image; they may leave it.
        size: texels a side.

    Returns:
        Colour and visibility; texels outside the image are clamped to its border and invisible.
    """
    from tryon.kernels import cpu

    table, points = atlas(size), mesh_points(face)
    # One texel of the atlas covers about this many pixels across the face.
    stride = max(1, round(face.width / (1.2 * size)))
    colour, visibility = cpu.unwrap(
        image,
        points,
        vertex_visibility(points),
        table.triangles,
        table.texel_triangle,
        table.texel_barycentric,
        stride,
    )
    return FaceTexture(colour, visibility)
