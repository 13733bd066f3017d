"""Compiled loops over mesh and atlas: `facing`, `unwrap`, `gate`.

They turn flat atlas arrays into flat atlas arrays; they never check their arguments (cpu.py does).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import F32, F64, I32, INT, U8, fused_helper, helper, jit, readonly

AT_ONCE = 128  # texels


@jit(readonly(F32, 2), readonly(I32, 2), F64, F64, F32[::1])
def face_vertices(points: Any, triangles: Any, low: float, high: float, seen: Any) -> None:
    """How well each vertex is seen; too little work for more than one thread."""
    normals = np.zeros((len(points), 3), np.float64)
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
        ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
        bx, by, bz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
        cx, cy, cz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
        x, y, z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        for corner in range(3):
            vertex = triangles[triangle, corner]
            normals[vertex, 0] += x
            normals[vertex, 1] += y
            normals[vertex, 2] += z
    for vertex in range(len(points)):
        x, y, z = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        length = math.sqrt(x * x + y * y + z * z)
        t = (-z / (1e-9 if length < 1e-9 else length) - low) / (high - low)
        t = 0.0 if t < 0.0 else 1.0 if t > 1.0 else t  # a NaN stays one
        seen[vertex] = t * t * (3 - 2 * t)


@helper
def _clamp(index: int, length: int) -> Any:
    return np.uint64(min(max(index, 0), length - 1))  # unsigned: no look for a negative index


@fused_helper
def _bilinear(frame: Any, left: Any, top: Any, fx: Any, fy: Any) -> Any:
    """The square of side 1, written out: the everyday case."""
    one, height, width = np.float32(1), frame.shape[0], frame.shape[1]
    upper, lower = frame[_clamp(top, height)], frame[_clamp(top + 1, height)]
    near, far = _clamp(left, width), _clamp(left + 1, width)
    a, b, c, d = upper[near], upper[far], lower[near], lower[far]
    wa, wb, wc, wd = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
    return (
        wa * F32(a[0]) + wb * F32(b[0]) + wc * F32(c[0]) + wd * F32(d[0]),
        wa * F32(a[1]) + wb * F32(b[1]) + wc * F32(c[1]) + wd * F32(d[1]),
        wa * F32(a[2]) + wb * F32(b[2]) + wc * F32(c[2]) + wd * F32(d[2]),
    )


@helper
def _square(frame: Any, left: Any, top: Any, fx: Any, fy: Any, stride: int) -> Any:
    """Sum of the pixels under a square of side `stride`, each by the part of it covered."""
    one, height, width = np.float32(1), frame.shape[0], frame.shape[1]
    red = green = blue = np.float32(0)
    for j in range(stride + 1):
        row = frame[_clamp(top + j, height)]
        wy = one - fy if j == 0 else (fy if j == stride else one)
        for i in range(stride + 1):
            pixel = row[_clamp(left + i, width)]
            w = wy * (one - fx if i == 0 else (fx if i == stride else one))
            red += w * F32(pixel[0])
            green += w * F32(pixel[1])
            blue += w * F32(pixel[2])
    return red, green, blue


@helper
def _positions(
    points: Any, vertex_visibility: Any, triangles: Any, texel_triangle: Any,
    texel_barycentric: Any, first: int, xs: Any, ys: Any, seen: Any,
) -> None:  # fmt: skip
    """Where the next len(xs) texels are in the picture, px, and how visible; NaN for nowhere.

    In double precision, as the reference, so that both agree on what is inside the frame.
    """
    current = -1
    ax = ay = bx = by = cx = cy = av = bv = cv = 0.0
    for index in range(len(xs)):
        k, texel = np.uint64(index), np.uint64(first + index)
        triangle = texel_triangle[texel]
        if triangle < 0:
            xs[k] = ys[k] = seen[k] = np.nan
            continue
        if triangle != current:  # texels come in runs of one triangle
            current = triangle
            a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
            ax, ay = np.float64(points[a, 0]), np.float64(points[a, 1])
            bx, by = np.float64(points[b, 0]), np.float64(points[b, 1])
            cx, cy = np.float64(points[c, 0]), np.float64(points[c, 1])
            av, bv = np.float64(vertex_visibility[a]), np.float64(vertex_visibility[b])
            cv = np.float64(vertex_visibility[c])
        wa, wb = np.float64(texel_barycentric[texel, 0]), np.float64(texel_barycentric[texel, 1])
        wc = np.float64(texel_barycentric[texel, 2])
        xs[k], ys[k] = wa * ax + wb * bx + wc * cx, wa * ay + wb * by + wc * cy
        seen[k] = wa * av + wb * bv + wc * cv


@helper
def _squares(
    width: int, height: int, stride: int, xs: Any, ys: Any, seen: Any, lefts: Any, tops: Any,
    fxs: Any, fys: Any,
) -> None:  # fmt: skip
    """First pixel under the square at each position, the part of it left out, what is visible.

    No branch and no look at the picture: LLVM runs many texels at once.
    """
    margin, half = np.float64(stride), 0.5 * stride
    for index in range(len(xs)):
        k = np.uint64(index)
        x, y = xs[k], ys[k]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (abs(seen[k]) < np.inf)
        seen[k] = seen[k] if inside else 0.0
        x = min(max(x, -margin), width + margin) - half
        y = min(max(y, -margin), height + margin) - half
        left, top = math.floor(x), math.floor(y)
        lefts[k], tops[k] = np.int32(left), np.int32(top)
        fxs[k], fys[k] = np.float32(x - left), np.float32(y - top)


@jit(
    *(readonly(U8, 3, "A"), readonly(F32, 2), readonly(F32, 1), readonly(I32, 2)),
    *(readonly(I32, 1), readonly(F32, 2), INT, F32[:, ::1], INT, INT),
    superwords=True,
)
def unwrap_texels(
    frame: Any, points: Any, vertex_visibility: Any, triangles: Any, texel_triangle: Any,
    texel_barycentric: Any, stride: int, packed: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Fill red, green, blue and visibility of flat texels start..stop."""
    zero, scale = np.float32(0), np.float32(1.0 / (255.0 * stride * stride))
    positions, firsts = np.empty((3, AT_ONCE), np.float64), np.empty((2, AT_ONCE), np.int32)
    parts = np.empty((2, AT_ONCE), np.float32)
    for first in range(start, stop, AT_ONCE):
        texels = min(AT_ONCE, stop - first)
        xs, ys, seen = positions[0, :texels], positions[1, :texels], positions[2, :texels]
        lefts, tops = firsts[0, :texels], firsts[1, :texels]
        fxs, fys = parts[0, :texels], parts[1, :texels]
        _positions(
            points, vertex_visibility, triangles, texel_triangle, texel_barycentric, first, xs,
            ys, seen,
        )  # fmt: skip
        _squares(frame.shape[1], frame.shape[0], stride, xs, ys, seen, lefts, tops, fxs, fys)
        for index in range(texels):
            k, texel = np.uint64(index), packed[np.uint64(first + index)]
            if not abs(xs[k] + ys[k]) < np.inf:
                texel[0] = texel[1] = texel[2] = texel[3] = zero
                continue
            left, top = np.int64(lefts[k]), np.int64(tops[k])
            if stride == 1:
                red, green, blue = _bilinear(frame, left, top, fxs[k], fys[k])
            else:
                red, green, blue = _square(frame, left, top, fxs[k], fys[k], stride)
            texel[0], texel[1], texel[2] = red * scale, green * scale, blue * scale
            texel[3] = seen[k]


@jit(
    *(readonly(F32, 2), readonly(F32, 2), readonly(F32, 1), readonly(F32, 1, "A")),
    *(F32[:, ::1], INT, INT),
)
def gate_texels(
    affine: Any, weights: Any, gates: Any, visibility: Any, gated: Any, start: int, stop: int
) -> None:
    """Fade maps of flat texels start..stop."""
    one, zero = np.float32(1), np.float32(0)
    for texel in range(start, stop):
        g = zero
        for region in range(len(gates)):
            g += weights[texel, region] * gates[region]
        g *= visibility[texel]
        if g == zero:
            for k in range(3):
                gated[texel, k], gated[texel, 3 + k] = one, zero
            continue
        for k in range(3):
            gain = one + g * (affine[texel, k] - one)
            gated[texel, k] = zero if gain < zero else gain  # a NaN stays one
            gated[texel, 3 + k] = g * affine[texel, 3 + k]
