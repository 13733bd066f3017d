"""Landmarks -> the picture of a grey, softly lit face: the teacher's second condition.

Drawn by us from the mesh's own triangles, so no face model with a licence of its own is needed. It
never looks at pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tryon.types import Float32

ALBEDO = 0.78
LIGHTS = ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, 1), (0, 0, 1))
"""Directions to the lamps: x to the right, y up, z towards the camera."""


def render_mesh(points: Float32, triangles: NDArray[np.int32], size: int) -> Float32:
    """Draw a shaded mesh, nearest surface first.

    Args:
        points: (V, 3) px of a `size`² picture: x right, y down, z away from the camera.
        triangles: (T, 3) indices of points, all wound the same way.
        size: side of the picture.

    Returns:
        (size, size) float32, 0 where there is no face, else 0..1.
    """
    shade = _shade(points, triangles)
    picture = np.zeros((size, size), np.float32)
    depth = np.full((size, size), np.inf, np.float32)
    for corners in triangles:
        xyz = points[corners]
        x0, y0 = np.floor(xyz[:, :2].min(0) - 0.5).clip(0, size).astype(int)
        x1, y1 = np.ceil(xyz[:, :2].max(0) + 0.5).clip(0, size).astype(int)
        a, b, c = xyz[:, :2].astype(np.float64)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if x1 <= x0 or y1 <= y0 or abs(area) < 1e-9:
            continue
        px, py = np.arange(x0, x1) + 0.5, np.arange(y0, y1)[:, None] + 0.5
        v = ((px - a[0]) * (c[1] - a[1]) - (py - a[1]) * (c[0] - a[0])) / area
        w = ((b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])) / area
        u = 1 - v - w
        z = u * xyz[0, 2] + v * xyz[1, 2] + w * xyz[2, 2]
        box = np.s_[y0:y1, x0:x1]
        nearer = (np.minimum(np.minimum(u, v), w) >= -1e-6) & (z < depth[box])
        lit = u * shade[corners[0]] + v * shade[corners[1]] + w * shade[corners[2]]
        depth[box] = np.where(nearer, z, depth[box])
        picture[box] = np.where(nearer, lit, picture[box])
    return picture


def _shade(points: Float32, triangles: NDArray[np.int32]) -> Float32:
    """(V,) brightness of each vertex: the mean of what the lamps give a matt surface."""
    upright = points * np.array((1, -1, -1), np.float32)
    a, b, c = (upright[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(upright)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    if normals[:, 2].mean() < 0:  # wound the other way round
        normals = -normals
    lamps = np.array(LIGHTS, np.float32)
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    lit: Float32 = (ALBEDO * (normals @ lamps.T).clip(0)).mean(1).astype(np.float32)
    # Full frontal light is the brightest that can be; use the whole range.
    return lit / np.float32(ALBEDO * (1 + 4 / 3**0.5) / 5)


def atlas_mesh(visibility: Tensor, regions: Tensor) -> Tensor:
    """The mesh as the atlas shows it: how each texel faces the camera, and where on the face it is.

    Args:
        visibility: (B, 1, A, A) 0..1.
        regions: (R, A, A) weights of the regions.

    Returns:
        (B, 3 + R, A, A) in 0..1: visibility, place across, place down, regions.
    """
    side = visibility.shape[-1]
    ramp = (torch.arange(side, device=visibility.device) + 0.5) / side
    places = torch.stack((ramp.expand(side, side), ramp[:, None].expand(side, side)))
    constant = torch.cat((places, regions)).expand(len(visibility), -1, -1, -1)
    return torch.cat((visibility, constant.to(visibility)), 1)
