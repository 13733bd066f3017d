"""Drawing in a box: front faces, nearest first, no cracks; exact areas of contours."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tryon.kernels import cpu


def f32(values: object) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


few = settings(max_examples=40, deadline=None)


def grid(rng: np.random.Generator, cells: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """A square of cells x cells pairs of triangles with jittered inner points, px (V, 3)."""
    steps = np.linspace(0, 30, cells + 1)
    x, y = np.meshgrid(steps, steps)
    inner = np.s_[1:-1, 1:-1]
    for axis in (x, y):
        axis[inner] += rng.uniform(-0.3, 0.3, axis[inner].shape) * 30 / cells
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = np.arange(points.shape[0]).reshape(cells + 1, cells + 1)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    upper, lower = np.stack([a, b, c], -1), np.stack([a, c, d], -1)
    return points, np.concatenate([upper, lower]).reshape(-1, 3).astype(np.int32)


@few
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([(0.0, 0.0), (0.5, 0.5)]))
def test_a_triangulated_square_has_no_crack(
    seed: int, cells: int, shift: tuple[float, float]
) -> None:
    # Shifted by half a pixel the outer edges and many corners fall on pixel centres.
    points, triangles = grid(np.random.default_rng(seed), cells)
    points[:, :2] += f32(shift)
    uv = points[:, :2].copy()
    texels = cpu.rasterise(points, triangles, uv, (-2, -2), (36, 36))
    row, column = np.mgrid[:36, :36] - 1.5
    low, high = shift[0], 30 + shift[0]
    square = (row >= low) & (row <= high) & (column >= low) & (column <= high)
    np.testing.assert_array_equal((texels >= 0).all(axis=-1), square)
    # With uv equal to px every pixel finds its own centre.
    np.testing.assert_allclose(texels[square], np.stack([column, row], -1)[square], atol=1e-4)


TRIANGLE = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0]], np.float32)
ONE = np.array([[0, 1, 2]], np.int32)


def test_faces_turned_away_are_not_drawn(kernels: ModuleType) -> None:
    uv = TRIANGLE[:, :2].copy()
    assert (kernels.rasterise(TRIANGLE, ONE, uv, (0, 0), (8, 8)) >= 0).any()
    mirrored = TRIANGLE * f32([-1, 1, 1])
    assert (kernels.rasterise(mirrored, ONE, uv, (-8, 0), (8, 8)) == -1).all()
    # A mirrored atlas turns the convention with it.
    assert (kernels.rasterise(mirrored, ONE, uv[:, ::-1], (-8, 0), (8, 8)) >= 0).any()


@pytest.mark.parametrize(
    ("first", "second", "winner"), [(1, 2, 0), (2, 1, 1), (-5, 5, 0), (3, 3, 0)]
)
def test_the_nearest_wins_then_the_lowest_index(
    kernels: ModuleType, first: float, second: float, winner: int
) -> None:
    points = np.concatenate([TRIANGLE, TRIANGLE])
    points[:3, 2], points[3:, 2] = first, second
    uv = np.concatenate([TRIANGLE[:, :2], TRIANGLE[:, :2] + 100])
    texels = kernels.rasterise(
        points, np.arange(6, dtype=np.int32).reshape(2, 3), uv, (0, 0), (4, 4)
    )
    assert ((texels >= 100) == bool(winner)).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_triangles_with_broken_points_are_skipped(
    kernels: ModuleType, axis: int, value: float
) -> None:
    points = TRIANGLE.copy()
    points[1, axis] = value
    assert (kernels.rasterise(points, ONE, TRIANGLE[:, :2], (0, 0), (8, 8)) == -1).all()


def test_degenerate_triangles_draw_nothing(kernels: ModuleType) -> None:
    line = np.array([[0.5, 0.5, 0], [4.5, 4.5, 0], [7.5, 7.5, 0]], np.float32)
    point = np.full((3, 3), 2.5, np.float32)
    for points in (line, point):
        assert (kernels.rasterise(points, ONE, TRIANGLE[:, :2], (0, 0), (8, 8)) == -1).all()
    assert (kernels.rasterise(TRIANGLE, ONE, line[:, :2], (0, 0), (8, 8)) == -1).all()


def test_far_points_keep_the_box(kernels: ModuleType) -> None:
    huge = TRIANGLE * np.float32(1e30)
    huge[0] = -1e30, -1e30, 0
    texels = kernels.rasterise(huge, ONE, TRIANGLE[:, :2], (0, 0), (5, 6))
    assert (texels >= 0).all()
    assert (texels <= 8).all()


def test_a_box_is_a_window_on_the_same_picture(kernels: ModuleType) -> None:
    points, triangles = grid(np.random.default_rng(3), 4)
    uv = points[:, :2].copy()
    whole = kernels.rasterise(points, triangles, uv, (-5, -5), (40, 40))
    part = kernels.rasterise(points, triangles, uv, (4, 9), (11, 7))
    np.testing.assert_array_equal(part, whole[14:25, 9:16])
    polygon = f32([[1.3, 2.1], [20.2, 5], [9, 22.7]])
    for soft in (0.0, 0.3):
        whole = kernels.polygon_coverage(polygon, (-5, -5), (40, 40), soft)
        part = kernels.polygon_coverage(polygon, (4, 9), (11, 7), soft)
        np.testing.assert_allclose(part, whole[14:25, 9:16], atol=1e-6)


@few
@given(st.integers(0, 10**6), st.integers(3, 12))
def test_coverage_sums_to_the_area_of_a_convex_polygon(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    x, y = 20 + 15 * np.cos(angles), 20 + 15 * np.sin(angles)
    polygon = np.stack([x, y], axis=-1).astype(np.float32)
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    coverage = cpu.polygon_coverage(polygon, (0, 0), (40, 40))
    # Rows are sampled at four heights: at most half a sub-scanline is lost at either end, over
    # the widest row of 30 px.
    assert abs(coverage.sum() - area) <= 2 * 30 / 8


def test_coverage_is_exact_across(kernels: ModuleType) -> None:
    box = f32([[1.25, 1], [3.75, 1], [3.75, 3], [1.25, 3]])
    expected = np.zeros((4, 5), np.float32)
    expected[1:3, 1:4] = 0.75, 1, 0.75
    np.testing.assert_allclose(kernels.polygon_coverage(box, (0, 0), (4, 5)), expected, atol=1e-6)


def test_a_soft_edge_is_three_pixels_wide_and_stays_where_it_is(kernels: ModuleType) -> None:
    box = f32([[4, -9], [99, -9], [99, 99], [4, 99]])
    coverage = kernels.polygon_coverage(box, (0, 0), (3, 7), 1 / 3)
    expected = np.array([[0, 0, 0, 1 / 3, 2 / 3, 1, 1]] * 3, np.float32)
    np.testing.assert_allclose(coverage, expected, atol=1e-6)
    upright = kernels.polygon_coverage(box[:, ::-1].copy(), (0, 0), (7, 3), 1 / 3)
    np.testing.assert_allclose(upright, expected.T, atol=1e-6)


@few
@given(st.floats(0, 0.3330078125, width=32))
def test_a_pixel_that_is_covered_whole_has_exactly_one(soft: float) -> None:
    box = f32([[-9, -9], [99, -9], [99, 99], [-9, 99]])
    assert (cpu.polygon_coverage(box, (0, 0), (4, 5), soft) == 1).all()


def test_coverage_is_even_odd(kernels: ModuleType) -> None:
    outer = f32([[0, 0], [6, 0], [6, 6], [0, 6], [0, 0]])
    inner = f32([[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]])
    ring = kernels.polygon_coverage(np.concatenate([outer, inner]), (0, 0), (6, 6))
    expected = np.ones((6, 6), np.float32)
    expected[2:4, 2:4] = 0
    np.testing.assert_allclose(ring, expected, atol=1e-6)


@pytest.mark.parametrize(
    "polygon",
    [[], [[1, 1]], [[1, 1], [5, 5]], [[0, 0], [5, 0], [np.nan, 5]], [[0, 0], [5, 0], [5, np.inf]]],
)
def test_no_polygon_covers_nothing(kernels: ModuleType, polygon: list[list[float]]) -> None:
    corners = np.array(polygon, np.float32).reshape(-1, 2)
    coverage = kernels.polygon_coverage(corners, (0, 0), (6, 7))
    np.testing.assert_array_equal(coverage, np.zeros((6, 7), np.float32))


def test_a_polygon_outside_the_box_covers_nothing(kernels: ModuleType) -> None:
    square = f32([[0, 0], [9, 0], [9, 9], [0, 9]])
    for origin in ((10, 0), (-10, 0), (0, 10), (0, -10), (10**9, 10**9)):
        assert not kernels.polygon_coverage(square, origin, (8, 8)).any()
    assert (kernels.polygon_coverage(square * np.float32(1e30), (1, 1), (4, 4)) == 1).all()
