"""Unwrapping: a frame and parsed faces into the atlas. It never changes the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tryon.face.atlas import DEFAULT_SIZE, atlas, vertex_visibility
from tryon.face.mesh import VERTEX_COUNT
from tryon.kernels.sets import CPU, KernelSet
from tryon.types import Face, FaceTexture, Float32, UInt8


def mesh_points(face: Face) -> Float32:
    """The landmarks that are vertices of the mesh: (468, 3) float32 px, contiguous."""
    return np.ascontiguousarray(face.landmarks[:VERTEX_COUNT], np.float32)


def unwrap_faces(picture: Any, faces: Sequence[Face], size: int, kernels: KernelSet = CPU) -> Any:
    """Sample faces at every texel of the atlas.

    Args:
        picture: of `kernels`; of the CPU's, the frame (H, W, 3) uint8 RGB.
        faces: their landmarks in px of the frame; they may leave it.
        size: texels a side.
        kernels: what samples.

    Returns:
        (N, A, A, 4) float32 of `kernels`, colour and visibility 0..1; texels outside the frame are
        clamped to its border and invisible.
    """
    table, textures = atlas(size), kernels.textures(len(faces), size)
    for index, face in enumerate(faces):
        points = mesh_points(face)
        # One texel of the atlas covers about this many pixels across the face.
        stride = max(1, round(face.width / (1.2 * size)))
        kernels.unwrap(
            picture,
            points,
            vertex_visibility(points),
            table.triangles,
            table.texel_triangle,
            table.texel_barycentric,
            stride,
            textures[index],
        )
    return textures


def unwrap_face(image: UInt8, face: Face, size: int = DEFAULT_SIZE) -> FaceTexture:
    """Sample one face on the CPU; see `unwrap_faces`."""
    texture: Float32 = unwrap_faces(image, [face], size)[0]
    return FaceTexture(texture[..., :3], texture[..., 3])
