"""Head pose: the rotation that lays the canonical face mesh over the landmarks.

It assumes weak perspective (a camera far away) and never looks at the picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tryon.face.mesh import VERTEX_COUNT, face_mesh
from tryon.types import Float32, Pose

RIGID_ABOVE = -3.0  # cm; below lie the lips and the jaw, which move without the head


def estimate_pose(landmarks: Float32) -> Pose:
    """Estimate the head's rotation.

    Args:
        landmarks: (478, 3) or (468, 3) px, z negative towards the camera.

    Returns:
        Degrees. yaw > 0 turns to the picture's right, pitch > 0 looks down, roll > 0 tilts
        clockwise in the picture; applied in the order pitch, yaw, roll.
    """
    keep, model = _rigid()
    points = landmarks[:VERTEX_COUNT][keep].astype(np.float64)
    points = (points - points.mean(0)) * (1, -1, -1)  # into the mesh's axes: y up, z to the camera
    u, _, vt = np.linalg.svd(points.T @ model)
    u[:, 2] *= np.sign(np.linalg.det(u @ vt)) or 1.0  # a rotation, never a mirror image
    r = u @ vt
    return Pose(
        yaw=float(np.degrees(np.arcsin(np.clip(-r[2, 0], -1, 1)))),
        pitch=float(np.degrees(np.arctan2(r[2, 1], r[2, 2]))),
        roll=float(np.degrees(np.arctan2(-r[1, 0], r[0, 0]))),
    )


@cache
def _rigid() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Indices of the vertices that move with the skull, and their centred positions."""
    vertices = face_mesh().vertices.astype(np.float64)
    keep = np.flatnonzero(vertices[:, 1] > RIGID_ABOVE)
    return keep, vertices[keep] - vertices[keep].mean(0)
