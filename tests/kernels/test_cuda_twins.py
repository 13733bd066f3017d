"""The CUDA kernels agree with the reference on random inputs, odd sizes and broken numbers."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kernels.test_twins import (
    NAMES,
    agree,
    chances,
    layer,
    neighbours,
    noise,
    origins,
    seeds,
    shapes,
    sides,
    softs,
)
from tryon.kernels import cuda_launch as launch
from tryon.kernels import reference
from tryon.kernels.cuda_device import Device
from tryon.kernels.cuda_kernels import CudaKernels

many = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

Pair = tuple[int, int]
Rng = np.random.Generator


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_equal(name: str) -> None:
    method = inspect.signature(getattr(CudaKernels, name))
    wanted = inspect.signature(getattr(reference, name))
    assert list(method.parameters.values())[1:] == list(wanted.parameters.values())


@many
@given(seeds, st.integers(1, 12), st.integers(0, 70), st.floats(-1, 0.5, width=32), chances)
def test_facing(
    cuda_kernels: CudaKernels, rng: Rng, vertices: int, faces: int, low: float, chance: float
) -> None:
    points = noise(rng, (vertices, 3), -20, 50, chance)
    triangles = rng.integers(0, vertices, (faces, 3), dtype=np.int32)
    arguments = (points, triangles, low, low + 0.3)
    agree(cuda_kernels.facing(*arguments), reference.facing(*arguments), 1e-5)


@many
@given(seeds, st.integers(1, 12), st.integers(0, 70), origins, shapes, chances)
@example(np.random.default_rng(12788818), 7, 1, (0, 0), (23, 1), 0.5)  # corners at 3e38 px
def test_rasterise(
    cuda_kernels: CudaKernels, rng: Rng, vertices: int, faces: int, origin: Pair, shape: Pair,
    chance: float,
) -> None:  # fmt: skip
    points = noise(rng, (vertices, 3), -20, 50, chance)
    uv = noise(rng, (vertices, 2), 0, 64)
    triangles = rng.integers(0, vertices, (faces, 3), dtype=np.int32)
    found = cuda_kernels.rasterise(points, triangles, uv, origin, shape)
    agree(found, reference.rasterise(points, triangles, uv, origin, shape), 1e-4)  # texels


@many
@given(seeds, st.integers(0, 12), origins, shapes, st.sampled_from([0.0, 0.0, 0.0, 0.05]), softs)
def test_polygon_coverage(
    cuda_kernels: CudaKernels, rng: Rng, corners: int, origin: Pair, shape: Pair, chance: float,
    soft: float,
) -> None:  # fmt: skip
    polygon = noise(rng, (corners, 2), -20, 50, chance)
    found = cuda_kernels.polygon_coverage(polygon, origin, shape, soft)
    agree(found, reference.polygon_coverage(polygon, origin, shape, soft), 1e-6)


@many
@given(seeds, sides, sides, sides, st.integers(0, 9), st.integers(1, 5), chances)
def test_unwrap(
    cuda_kernels: CudaKernels, rng: Rng, height: int, width: int, side: int, faces: int,
    stride: int, chance: float,
) -> None:  # fmt: skip
    arguments = (
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        noise(rng, (7, 3), -10, 30, chance),
        noise(rng, (7,), 0, 1, chance),
        rng.integers(0, 7, (faces, 3), dtype=np.int32),
        rng.integers(-1, faces, (side, side), dtype=np.int32),
        rng.dirichlet([1, 1, 1], (side, side)).astype(np.float32),
        stride,
    )
    wanted = reference.unwrap(*arguments)
    for one, other in zip(cuda_kernels.unwrap(*arguments), wanted, strict=True):
        agree(one, other, 2e-5)  # of 1


@many
@given(seeds, sides, st.integers(0, 6), chances)
def test_gate(cuda_kernels: CudaKernels, rng: Rng, side: int, regions: int, chance: float) -> None:
    arguments = (
        noise(rng, (side, side, 6), -1, 2, chance),
        noise(rng, (side, side, regions), 0, 1),
        noise(rng, (regions,), 0, 1.5),
        noise(rng, (side, side), 0, 1),
    )
    agree(cuda_kernels.gate(*arguments), reference.gate(*arguments), 1e-5)


@many
@given(seeds, sides, sides, sides, origins, shapes, chances)
def test_composite(
    cuda_kernels: CudaKernels, rng: Rng, height: int, width: int, side: int, origin: Pair,
    shape: Pair, chance: float,
) -> None:  # fmt: skip
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    worn = layer(rng, side, -0.5, 1.5, chance)
    texels = noise(rng, (*shape, 2), -2, side + 2, chance)
    lips, cover = noise(rng, shape, -0.5, 1.5), noise(rng, shape, -0.5, 1)
    found, wanted = image.copy(), image.copy()
    cuda_kernels.composite(found, texels, origin, *worn, lips, cover)
    reference.composite(wanted, texels, origin, *worn, lips, cover)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found != wanted).mean() <= 0.01  # a value at the border between two levels


@many
@given(seeds, sides, sides, st.integers(3, 9), origins, shapes, chances, softs)
def test_paint(
    cuda_kernels: CudaKernels, rng: Rng, height: int, width: int, side: int, origin: Pair,
    shape: Pair, chance: float, soft: float,
) -> None:  # fmt: skip
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    points, uv = noise(rng, (9, 3), -10, 40, chance), noise(rng, (9, 2), 0, side)
    triangles = rng.integers(0, 9, (12, 3), dtype=np.int32)
    worn = layer(rng, side, 0.2, 1.2, chance)
    lips, *holes = (noise(rng, (corners, 2), -10, 40, chance) for corners in (6, 5, 2, 7))
    edges = soft, soft / 2, soft, 0.0
    found, wanted = image.copy(), image.copy()
    cuda_kernels.paint(found, points, triangles, uv, origin, shape, *worn, lips, holes, edges)
    reference.paint(wanted, points, triangles, uv, origin, shape, *worn, lips, holes, edges)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found != wanted).mean() <= 0.01


@many
@given(seeds, sides, st.integers(1, 7), chances, st.floats(0, 1), st.floats(0.01, 4))
def test_follow(
    cuda_kernels: CudaKernels, rng: Rng, side: int, channels: int, chance: float, step: float,
    believed: float,
) -> None:  # fmt: skip
    arguments = (
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side), -0.5, 1),
        step,
        believed,
    )
    agree(cuda_kernels.follow(*arguments), reference.follow(*arguments), 1e-5)


@many
@given(seeds, sides, st.integers(1, 7), chances)
def test_ema(cuda_kernels: CudaKernels, rng: Rng, side: int, channels: int, chance: float) -> None:
    arguments = (
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side), 0, 1),
    )
    agree(cuda_kernels.ema(*arguments), reference.ema(*arguments), 1e-6)


@many
@given(seeds, sides, st.integers(1, 7), st.integers(0, 4), chances, st.floats(0.01, 4))
def test_average(
    cuda_kernels: CudaKernels, rng: Rng, side: int, channels: int, count: int, chance: float,
    believed: float,
) -> None:  # fmt: skip
    arguments = (*neighbours(rng, side, channels, count, chance), believed)
    agree(cuda_kernels.average(*arguments), reference.average(*arguments), 1e-5)


@many
@given(seeds, sides, st.integers(0, 6), chances)
def test_a_layer_is_gated_by_the_visibility_inside_a_texture(
    device: Device, rng: Rng, side: int, regions: int, chance: float
) -> None:
    affine = noise(rng, (side, side, 6), -1, 2, chance)
    weights, gates = noise(rng, (side, side, regions), 0, 1), noise(rng, (regions,), 0, 1.5)
    texture, free = noise(rng, (side, side, 4), 0, 1), noise(rng, (side, side), 0, 1)
    up = device.upload
    gated = launch.gate(device, up(affine), up(weights), up(gates), up(texture)[..., 3], up(free))
    wanted = reference.gate(affine, weights, gates, texture[..., 3] * free)
    agree(device.download(gated), wanted, 1e-5)


def test_large_arrays_need_many_blocks(cuda_kernels: CudaKernels) -> None:
    rng = np.random.default_rng(7)
    side, shape, origin = 200, (301, 333), (-3, -5)
    points, uv = noise(rng, (400, 3), 0, 300), noise(rng, (400, 2), 0, side)
    triangles = rng.integers(0, 400, (200, 3), dtype=np.int32)
    texels = reference.rasterise(points, triangles, uv, origin, shape)
    agree(cuda_kernels.rasterise(points, triangles, uv, origin, shape), texels, 1e-3)
    polygon = noise(rng, (99, 2), 0, 300)
    coverage = reference.polygon_coverage(polygon, origin, shape)
    agree(cuda_kernels.polygon_coverage(polygon, origin, shape), coverage, 1e-6)
    worn = layer(rng, side, 0, 1, 0.0)
    found = rng.integers(0, 256, (290, 400, 3), dtype=np.uint8)
    wanted = found.copy()
    cuda_kernels.composite(found, texels, origin, *worn, coverage, coverage)
    reference.composite(wanted, texels, origin, *worn, coverage, coverage)
    assert (wanted != 0).any()
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_maps_as_large_as_numbers_go_are_painted(cuda_kernels: CudaKernels) -> None:
    # The distance of two such texels is not a float32, but every map between them is.
    affine = np.zeros((2, 2, 6), np.float32)
    affine[:, 0, 3:], affine[:, 1, 3:] = -3e38, 3e38
    sources = np.tile(np.arange(4, dtype=np.int32).reshape(2, 2), (2, 1, 1))
    spots = np.ones((1, 9, 2), np.float32)
    spots[..., 0] = np.linspace(0.5, 1.5, 9)
    ones = np.ones((1, 9), np.float32)
    found = np.full((1, 9, 3), 90, np.uint8)
    wanted = found.copy()
    cuda_kernels.composite(found, spots, (0, 0), affine, sources, ones * 0, ones)
    reference.composite(wanted, spots, (0, 0), affine, sources, ones * 0, ones)
    np.testing.assert_array_equal(found, wanted)
    assert {0, 255} <= set(found.flat)
