"""The compiled kernels agree with the reference on random inputs, odd sizes and broken numbers."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tryon.kernels import cpu, reference

NAMES = (
    "facing",
    "rasterise",
    "polygon_coverage",
    "unwrap",
    "gate",
    "composite",
    "paint",
    "ema",
    "follow",
    "average",
)
BROKEN = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42], np.float32)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
sides = st.integers(1, 19)
softs = st.sampled_from([0.0, 0.1, 1 / 3])
chances = st.sampled_from([0.0, 0.0, 0.05, 0.5])  # how many numbers are broken
origins = st.tuples(st.integers(-30, 40), st.integers(-30, 40))
shapes = st.tuples(st.integers(0, 33), st.integers(0, 33))

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def noise(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float, chance: float = 0
) -> NDArray[np.float32]:
    """Numbers of low..high, half of them on a grid so that edges, ties and borders are met."""
    values = rng.uniform(low, high, shape)
    values = np.where(rng.random(shape) < 0.5, np.round(values * 2) / 2, values)
    broken = rng.choice(BROKEN, shape)
    return np.where(rng.random(shape) < chance, broken, values).astype(np.float32)


def layer(
    rng: np.random.Generator, side: int, low: float, high: float, chance: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Maps, a third of them the identity, and where two sheets take them from."""
    affine = noise(rng, (side, side, 6), low, high, chance)
    affine[rng.random((side, side)) < 0.3] = (1, 1, 1, 0, 0, 0)
    return affine, rng.integers(0, side * side, (2, side, side), dtype=np.int32)


def agree(found: NDArray[np.float32], wanted: NDArray[np.float32], tolerance: float) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=tolerance, equal_nan=True)
    assert found.dtype == wanted.dtype == np.float32
    assert found.shape == wanted.shape


def test_signatures_are_equal() -> None:
    assert set(NAMES) <= set(cpu.__all__)
    assert set(NAMES) == set(reference.__all__)
    for name in NAMES:
        assert inspect.signature(getattr(cpu, name)) == inspect.signature(getattr(reference, name))


@many
@given(seeds, st.integers(1, 12), st.integers(0, 20), st.floats(-1, 0.5), chances)
def test_facing(
    rng: np.random.Generator, vertices: int, faces: int, low: float, chance: float
) -> None:
    points = noise(rng, (vertices, 3), -20, 50, chance)
    triangles = rng.integers(0, vertices, (faces, 3), dtype=np.int32)
    arguments = (points, triangles, low, low + 0.3)
    agree(cpu.facing(*arguments), reference.facing(*arguments), 1e-5)


@many
@given(seeds, st.integers(1, 12), st.integers(0, 20), origins, shapes, chances)
@example(np.random.default_rng(12788818), 7, 1, (0, 0), (23, 1), 0.5)  # corners at 3e38 px
def test_rasterise(
    rng: np.random.Generator,
    vertices: int,
    faces: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    chance: float,
) -> None:
    points = noise(rng, (vertices, 3), -20, 50, chance)
    uv = noise(rng, (vertices, 2), 0, 64)
    triangles = rng.integers(0, vertices, (faces, 3), dtype=np.int32)
    found = cpu.rasterise(points, triangles, uv, origin, shape)
    wanted = reference.rasterise(points, triangles, uv, origin, shape)
    agree(found, wanted, 1e-4)  # texels


@many
@given(seeds, st.integers(0, 12), origins, shapes, st.sampled_from([0.0, 0.0, 0.0, 0.05]), softs)
def test_polygon_coverage(
    rng: np.random.Generator,
    corners: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    chance: float,
    soft: float,
) -> None:
    polygon = noise(rng, (corners, 2), -20, 50, chance)
    found = cpu.polygon_coverage(polygon, origin, shape, soft)
    agree(found, reference.polygon_coverage(polygon, origin, shape, soft), 1e-6)
    assert found.min(initial=0) >= 0
    assert found.max(initial=0) <= 1


@many
@given(seeds, sides, sides, sides, st.integers(0, 9), st.integers(1, 5), chances)
def test_unwrap(
    rng: np.random.Generator,
    height: int,
    width: int,
    side: int,
    faces: int,
    stride: int,
    chance: float,
) -> None:
    frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    points = noise(rng, (7, 3), -10, 30, chance)
    weights = rng.dirichlet([1, 1, 1], (side, side)).astype(np.float32)
    arguments = (
        frame,
        points,
        noise(rng, (7,), 0, 1, chance),
        rng.integers(0, 7, (faces, 3), dtype=np.int32),
        rng.integers(-1, faces, (side, side), dtype=np.int32),
        weights,
        stride,
    )
    for found, wanted in zip(cpu.unwrap(*arguments), reference.unwrap(*arguments), strict=True):
        agree(found, wanted, 2e-5)  # of 1


@many
@given(seeds, sides, st.integers(0, 6), chances)
def test_gate(rng: np.random.Generator, side: int, regions: int, chance: float) -> None:
    arguments = (
        noise(rng, (side, side, 6), -1, 2, chance),
        noise(rng, (side, side, regions), 0, 1),
        noise(rng, (regions,), 0, 1.5),
        noise(rng, (side, side), 0, 1),
    )
    agree(cpu.gate(*arguments), reference.gate(*arguments), 1e-5)


@many
@given(seeds, sides, sides, sides, origins, shapes, chances)
def test_composite(
    rng: np.random.Generator,
    height: int,
    width: int,
    side: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    chance: float,
) -> None:
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    worn = layer(rng, side, -0.5, 1.5, chance)
    texels = noise(rng, (*shape, 2), -2, side + 2, chance)
    lips, cover = noise(rng, shape, -0.5, 1.5), noise(rng, shape, -0.5, 1)
    found, wanted = image.copy(), image.copy()
    cpu.composite(found, texels, origin, *worn, lips, cover)
    reference.composite(wanted, texels, origin, *worn, lips, cover)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found != wanted).mean() <= 0.01  # a value at the border between two levels


@many
@given(seeds, sides, sides, st.integers(3, 9), origins, shapes, chances, softs)
def test_paint(
    rng: np.random.Generator,
    height: int,
    width: int,
    side: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    chance: float,
    soft: float,
) -> None:
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    points = noise(rng, (9, 3), -10, 40, chance)
    triangles = rng.integers(0, 9, (12, 3), dtype=np.int32)
    uv = noise(rng, (9, 2), 0, side)
    worn = layer(rng, side, 0.2, 1.2, chance)
    lips, *holes = (noise(rng, (corners, 2), -10, 40, chance) for corners in (6, 5, 2, 7))
    edges = soft, soft / 2, soft, 0.0
    found, wanted = image.copy(), image.copy()
    cpu.paint(found, points, triangles, uv, origin, shape, *worn, lips, holes, edges)
    reference.paint(wanted, points, triangles, uv, origin, shape, *worn, lips, holes, edges)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found != wanted).mean() <= 0.01


def test_paint_of_many_rows_is_the_same_in_bands() -> None:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (300, 260, 3), dtype=np.uint8)
    points = noise(rng, (60, 3), 0, 300)
    triangles = rng.integers(0, 60, (80, 3), dtype=np.int32)
    worn = layer(rng, 64, 0.2, 1.2, 0.0)
    uv, lips = noise(rng, (60, 2), 0, 64), noise(rng, (8, 2), 0, 300)
    box = (0, 0), (300, 260)
    found, wanted = image.copy(), image.copy()
    cpu.paint(found, points, triangles, uv, *box, *worn, lips, [lips + 40], (1 / 3, 0.2))
    reference.paint(wanted, points, triangles, uv, *box, *worn, lips, [lips + 40], (1 / 3, 0.2))
    assert (wanted != image).mean() > 0.2
    assert np.abs(found.astype(int) - wanted).max() <= 1


@many
@given(seeds, sides, st.integers(1, 7), chances)
def test_ema(rng: np.random.Generator, side: int, channels: int, chance: float) -> None:
    arguments = (
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side, channels), -1, 2, chance),
        noise(rng, (side, side), 0, 1),
    )
    agree(cpu.ema(*arguments), reference.ema(*arguments), 1e-6)


@many
@given(seeds, sides, st.integers(1, 7), chances, st.floats(0, 1), st.floats(0.01, 4))
def test_follow(
    rng: np.random.Generator,
    side: int,
    channels: int,
    chance: float,
    step: float,
    believed: float,
) -> None:
    previous = noise(rng, (side, side, channels), -1, 2, chance)
    current = noise(rng, (side, side, channels), -1, 2, chance)
    visibility = noise(rng, (side, side), -0.5, 1)
    arguments = (previous, current, visibility, step, believed)
    agree(cpu.follow(*arguments), reference.follow(*arguments), 1e-5)


def neighbours(
    rng: np.random.Generator, side: int, channels: int, count: int, chance: float
) -> tuple[Any, ...]:
    """Arguments of `average`; half of the neighbours are alike."""
    own = noise(rng, (side, side, channels), -1, 2, chance)
    alike = rng.random(count) < 0.5
    others = [np.where(near, own, 0) + noise(rng, own.shape, -0.4, 0.4) for near in alike]
    seen = [noise(rng, (side, side), -0.5, 1) for _ in range(count + 1)]
    return own, seen[0], rng.uniform(0.01, 1, count).tolist(), others, seen[1:]


@many
@given(seeds, sides, st.integers(1, 7), st.integers(0, 4), chances, st.floats(0.01, 4))
def test_average(
    rng: np.random.Generator, side: int, channels: int, count: int, chance: float, believed: float
) -> None:
    arguments = (*neighbours(rng, side, channels, count, chance), believed)
    agree(cpu.average(*arguments), reference.average(*arguments), 1e-5)


def test_large_arrays_run_in_bands() -> None:
    # The sizes above fit one band; these need several, and bands must meet without a seam.
    rng = np.random.default_rng(7)
    side, shape = 400, (301, 333)
    points, uv = noise(rng, (40, 3), 0, 300), noise(rng, (40, 2), 0, side)
    triangles = rng.integers(0, 40, (30, 3), dtype=np.int32)
    texels = reference.rasterise(points, triangles, uv, (0, 0), shape)
    agree(cpu.rasterise(points, triangles, uv, (0, 0), shape), texels, 1e-3)
    affine = noise(rng, (side, side, 6), 0, 1)
    weight = noise(rng, (side, side), 0, 1)
    gates = np.ones(2, np.float32)
    agree(
        cpu.gate(affine, affine[..., :2], gates, weight),
        reference.gate(affine, affine[..., :2], gates, weight),
        1e-5,
    )
    agree(cpu.ema(affine, affine[::-1], weight), reference.ema(affine, affine[::-1], weight), 1e-6)
    sources = rng.integers(0, side * side, (2, side, side), dtype=np.int32)
    texture = noise(rng, (side, side, 4), 0, 1)
    following = affine, affine[::-1], texture[..., 3], 0.2, 0.25
    agree(cpu.follow(*following), reference.follow(*following), 1e-5)
    around = (*neighbours(rng, side, 6, 3, 0.0), 0.25)
    agree(cpu.average(*around), reference.average(*around), 1e-5)
    found = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = found.copy()
    mask = noise(rng, shape, 0, 1)
    cpu.composite(found, texels, (0, 0), affine, sources, mask, mask)
    reference.composite(wanted, texels, (0, 0), affine, sources, mask, mask)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    barycentric = rng.dirichlet([1, 1, 1], (side, side)).astype(np.float32)
    owner = rng.integers(-1, 30, (side, side), dtype=np.int32)
    atlas = (found, points, uv[:, 0] / side, triangles, owner, barycentric)
    for one, other in zip(cpu.unwrap(*atlas), reference.unwrap(*atlas), strict=True):
        agree(one, other, 2e-5)
