"""Compiled loops over mesh and atlas: `facing`, `unwrap`, `gate`, `ema`, `follow`, `average`.

They turn flat atlas arrays into flat atlas arrays; they never check their arguments (cpu.py does).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import F32, F64, I32, INT, U8, helper, jit, readonly

LARGEST = np.float32(np.finfo(np.float32).max)
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


@helper
def _bilinear(frame: Any, left: int, top: int, fx: Any, fy: Any) -> Any:
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
def _square(frame: Any, left: int, top: int, fx: Any, fy: Any, stride: int) -> Any:
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


@jit(
    *(readonly(U8, 3, "A"), readonly(F32, 2), readonly(F32, 1), readonly(I32, 2)),
    *(readonly(I32, 1), readonly(F32, 2), INT, F32[:, ::1], INT, INT),
)
def unwrap_texels(
    frame: Any, points: Any, vertex_visibility: Any, triangles: Any, texel_triangle: Any,
    texel_barycentric: Any, stride: int, packed: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Fill red, green, blue and visibility of flat texels start..stop."""
    height, width = frame.shape[0], frame.shape[1]
    scale = np.float32(1.0 / (255.0 * stride * stride))
    current = -1
    ax = ay = bx = by = cx = cy = av = bv = cv = 0.0
    for texel in range(start, stop):
        triangle = texel_triangle[texel]
        if triangle < 0:
            packed[texel, 0] = packed[texel, 1] = packed[texel, 2] = packed[texel, 3] = 0.0
            continue
        if triangle != current:  # texels come in runs of one triangle
            current = triangle
            a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
            ax, bx, cx = (
                np.float64(points[a, 0]),
                np.float64(points[b, 0]),
                np.float64(points[c, 0]),
            )
            ay, by, cy = (
                np.float64(points[a, 1]),
                np.float64(points[b, 1]),
                np.float64(points[c, 1]),
            )
            av, bv = np.float64(vertex_visibility[a]), np.float64(vertex_visibility[b])
            cv = np.float64(vertex_visibility[c])
        wa, wb = np.float64(texel_barycentric[texel, 0]), np.float64(texel_barycentric[texel, 1])
        wc = np.float64(texel_barycentric[texel, 2])
        # In double precision, as the reference, so that both agree on what is inside the frame.
        x, y = wa * ax + wb * bx + wc * cx, wa * ay + wb * by + wc * cy
        if not math.isfinite(x + y):
            packed[texel, 0] = packed[texel, 1] = packed[texel, 2] = packed[texel, 3] = 0.0
            continue
        seen = wa * av + wb * bv + wc * cv
        inside = x >= 0 and x < width and y >= 0 and y < height and math.isfinite(seen)
        packed[texel, 3] = seen if inside else 0.0
        x = min(max(x, -float(stride)), width + float(stride)) - 0.5 * stride
        y = min(max(y, -float(stride)), height + float(stride)) - 0.5 * stride
        left, top = math.floor(x), math.floor(y)
        fx, fy = np.float32(x - left), np.float32(y - top)
        if stride == 1:
            red, green, blue = _bilinear(frame, left, top, fx, fy)
        else:
            red, green, blue = _square(frame, left, top, fx, fy, stride)
        packed[texel, 0], packed[texel, 1] = red * scale, green * scale
        packed[texel, 2] = blue * scale


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


@helper
def _moved(old: Any, new: Any, weight: Any) -> Any:
    """`ema` of one value, written so that a loop over it needs no branch."""
    mixed = (np.float32(1) - weight) * old + weight * new
    mixed = mixed if abs(old) <= LARGEST else new
    return mixed if abs(new) <= LARGEST else old


@jit(readonly(F32, 2), readonly(F32, 2), readonly(F32, 1), F32[:, ::1], INT, INT)
def ema_texels(
    previous: Any, current: Any, weight: Any, smoothed: Any, start: int, stop: int
) -> None:
    """Smooth flat texels start..stop."""
    for texel in range(start, stop):
        w = weight[texel]
        for k in range(previous.shape[1]):
            smoothed[texel, k] = _moved(previous[texel, k], current[texel, k], w)


@jit(
    *(readonly(F32, 1), readonly(F32, 1), readonly(F32, 1, "A"), F64, F64, F32[::1], INT, INT),
)
def follow_texels(
    previous: Any, current: Any, visibility: Any, step: float, believed: float, smoothed: Any,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Smooth flat texels start..stop by as much as they stayed the same.

    A few texels at a time, all their numbers in a row: such loops run many numbers at once.
    """
    channels = len(smoothed) // max(len(visibility), 1)
    noise, scale = np.float32(step), np.float32(1.0 / believed)
    one, zero = np.float32(1), np.float32(0)
    numbers = np.empty(AT_ONCE * channels, np.float32)
    for first in range(start, stop, AT_ONCE):
        texels, begin = min(AT_ONCE, stop - first), first * channels
        old = previous[begin : begin + texels * channels]
        new = current[begin : begin + texels * channels]
        out = smoothed[begin : begin + texels * channels]
        for k in range(len(out)):
            change = abs(new[k] - old[k])
            numbers[k] = change if change <= LARGEST else zero
        for texel in range(texels):
            change, place = zero, texel * channels
            for k in range(place, place + channels):
                change = max(change, numbers[k])
            change = min(change * scale, one)
            weight = noise + (one - noise) * change * change
            if not visibility[first + texel] > 0:
                weight = zero
            for k in range(place, place + channels):
                numbers[k] = weight
        for k in range(len(out)):
            out[k] = _moved(old[k], new[k], numbers[k])


@jit(
    *(F32[::1], F32[::1], readonly(F32, 1), readonly(F32, 1, "A"), readonly(F32, 1)),
    *(readonly(F32, 1, "A"), F64, F64, INT, INT),
)
def average_texels(
    mean: Any, total: Any, own: Any, visibility: Any, other: Any, seen: Any, near: float,
    believed: float, start: int, stop: int,
) -> None:  # fmt: skip
    """Take one neighbour into `mean` and `total`, in place, for flat texels start..stop."""
    channels = len(mean) // max(len(visibility), 1)
    weight, scale = np.float32(near), np.float32(1.0 / believed)
    one, zero = np.float32(1), np.float32(0)
    for texel in range(start, stop):
        place, change = texel * channels, zero
        for k in range(place, place + channels):
            difference = abs(other[k] - own[k])
            change = max(change, difference if difference <= LARGEST else zero)
        change *= scale
        alike = one if visibility[texel] <= 0 else max(one - change * change, zero)
        share = weight * alike if seen[texel] > 0 else zero
        total[texel] += share
        moved = share / total[texel]
        for k in range(place, place + channels):
            mean[k] = _moved(mean[k], other[k], moved)
