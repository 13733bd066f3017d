"""A small frame worked through on the GPU, step by step beside the reference.

It tells in one line whether this GPU, driver and compiler compute what they should; it never
repairs or chooses anything.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import reference
from .cuda_set import CudaSet

F32 = NDArray[np.float32]

SIDE, CELLS = 32, 5  # texels a side, cells of the mesh a side
HEIGHT, WIDTH = 61, 83  # px; odd, so that pitches and last tiles are seen
CLOSE = 1e-4  # of values around 1


def fault_of(kernels: CudaSet) -> str | None:
    """What a set of kernels computes otherwise than the reference; None if nothing.

    Raises:
        Exception: whatever CuPy, the compiler or the driver raise.
    """
    for step, error in _errors(kernels):
        if not error <= 1:  # a NaN is no agreement
            return f"{step} is not what the reference computes: update the NVIDIA driver and CuPy"
    return None


def _errors(kernels: CudaSet) -> Iterator[tuple[str, float]]:
    """Each step and its largest error, in units of what is allowed."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    points, triangles, uv = _mesh(rng)
    owner = rng.integers(-1, len(triangles), (SIDE, SIDE), dtype=np.int32)
    shares = rng.dirichlet([1, 1, 1], (SIDE, SIDE)).astype(np.float32)
    seen = rng.uniform(-0.2, 1, len(points)).clip(0).astype(np.float32)
    tables = triangles, owner, shares
    device, picture = kernels.device, kernels.picture(image, [points])

    textures = kernels.textures(2, SIDE)
    for index, stride in enumerate((1, 2)):
        kernels.unwrap(picture, points, seen, *tables, stride, textures[index])
    told = device.download(textures)
    for index, stride in enumerate((1, 2)):
        colour, visibility = reference.unwrap(image, points, seen, *tables, stride)
        wanted = np.concatenate((colour, visibility[..., None]), axis=-1)
        yield "unwrap", _off(told[index], wanted)

    here, elsewhere = textures[0, ..., 3], rng.uniform(-0.5, 1, (SIDE, SIDE)).astype(np.float32)
    own = rng.uniform(0.2, 1.2, (SIDE, SIDE, 6)).astype(np.float32)
    other = (own + rng.uniform(-0.3, 0.3, own.shape)).astype(np.float32)
    maps, others = device.upload(own), device.upload(other)
    visibility, there = np.ascontiguousarray(told[0, ..., 3]), device.upload(elsewhere)
    followed = kernels.follow(maps, others, here, 0.2, 0.25)
    wanted = reference.follow(own, other, visibility, 0.2, 0.25)
    yield "follow", _off(device.download(followed), wanted)
    near = (0.7, 0.3)
    mean = kernels.average(maps, here, near, (others, maps), (there, here), 0.25)
    wanted = reference.average(own, visibility, near, (other, own), (elsewhere, visibility), 0.25)
    yield "average", _off(device.download(mean), wanted)
    weights, gates = rng.random((SIDE, SIDE, 2), np.float32), np.array([0.4, 0.9], np.float32)
    faded = reference.gate(own, weights, gates, visibility)
    gated = kernels.gate(maps, weights, gates, here)
    yield "gate", _off(device.download(gated), faded)
    free = rng.random((SIDE, SIDE), np.float32)
    covered = reference.gate(own, weights * free[..., None], gates, visibility)
    yield (
        "gate free",
        _off(device.download(kernels.gate(maps, weights, gates, here, free)), covered),
    )

    origin, shape = (3, 2), (50, 70)
    sources = rng.integers(0, SIDE * SIDE, (2, SIDE, SIDE), dtype=np.int32)
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1) * 12
    lips, hole = ((ring * k + (38, 28)).astype(np.float32) for k in (1, 0.4))
    painted = image.copy()
    mesh = points, triangles, uv, origin, shape
    soft = (1 / 3, 0.0)
    reference.paint(painted, *mesh, faded, sources, lips, [hole], soft)
    canvas = kernels.canvas(picture, [points])
    kernels.paint(canvas, *mesh, gated, sources, lips, [hole], soft)
    yield "paint", float(np.abs(kernels.store(canvas).astype(int) - painted).max())


def _mesh(rng: np.random.Generator) -> tuple[F32, NDArray[np.int32], F32]:
    """An uneven net of 72 triangles in the picture: points (V, 3) px, triangles, uv."""
    u, v = np.meshgrid(*[np.linspace(0, 1, CELLS + 2)] * 2)
    place = np.stack([u * 70 + 4, v * 52 + 3, 9 * u * v], -1) + rng.uniform(-2, 2, (*u.shape, 3))
    corner = np.arange(u.size).reshape(u.shape)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    place, uv = place.reshape(-1, 3), np.stack([u, v], -1).reshape(-1, 2) * SIDE
    return place.astype(np.float32), triangles.astype(np.int32), uv.astype(np.float32)


def _off(found: F32, wanted: F32) -> float:
    return float(np.abs(found - wanted).max()) / CLOSE
