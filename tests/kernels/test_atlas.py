"""Atlas kernels: what a texel sees, how a layer fades, smooths and is rebuilt."""

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


IDENTITY = np.array([1, 1, 1, 0, 0, 0], np.float32)
SIDE = 6
CORNERS = np.array([[0, 1, 2]], np.int32)

Sampled = tuple[NDArray[np.float32], NDArray[np.float32]]


def at(
    kernels: ModuleType, frame: NDArray[np.uint8], points: NDArray[np.float32], stride: int = 1
) -> Sampled:
    """Colour and visibility at single px positions (A * A, 2), each a triangle's first corner."""
    side = int(len(points) ** 0.5)
    triangles = np.arange(len(points), dtype=np.int32)[:, None].repeat(3, axis=1)
    owner = np.arange(len(points), dtype=np.int32).reshape(side, side)
    weights = np.zeros((side, side, 3), np.float32)
    weights[..., 0] = 1
    seen = np.ones(len(points), np.float32)
    colour, visibility = kernels.unwrap(frame, points, seen, triangles, owner, weights, stride)
    return colour.reshape(-1, 3), visibility.reshape(-1)


def noise_frame(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_pixel_centre_gives_the_pixel(kernels: ModuleType) -> None:
    frame = noise_frame(4, 4)
    row, column = np.mgrid[:4, :4].reshape(2, -1)
    centres = np.stack([column + 0.5, row + 0.5], axis=-1).astype(np.float32)
    colour, visibility = at(kernels, frame, centres)
    np.testing.assert_allclose(colour, frame[row, column] / 255.0, atol=1e-6)
    assert (visibility == 1).all()


def test_between_pixels_is_bilinear_and_the_border_repeats(kernels: ModuleType) -> None:
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[:, 1] = 255
    points = f32([[1.0, 1.0], [0.75, 0.5], [0.0, 0.0], [9.0, 0.5]])
    colour, visibility = at(kernels, frame, points)
    np.testing.assert_allclose(colour[:, 0], [0.5, 0.25, 0.0, 1.0], atol=1e-6)
    assert visibility.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_a_stride_is_the_mean_of_its_square(kernels: ModuleType, stride: int) -> None:
    frame = noise_frame(12, 12)
    centre = 6 + stride % 2 / 2
    colour, _ = at(kernels, frame, f32([[centre, centre]]), stride)
    first = int(centre - stride / 2)
    square = frame[first : first + stride, first : first + stride] / 255.0
    np.testing.assert_allclose(colour[0], square.mean(axis=(0, 1)), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_any_stride_keeps_a_flat_frame(kernels: ModuleType, stride: int) -> None:
    frame = np.full((3, 5, 3), 77, np.uint8)
    points = np.random.default_rng(1).uniform(-50, 50, (25, 2)).astype(np.float32)
    colour, _ = at(kernels, frame, points, stride)
    np.testing.assert_allclose(colour, 77 / 255, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 4))
def test_unwrap_moves_with_the_picture(seed: int, dx: int, dy: int, stride: int) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    points = rng.integers(16 * 8, 48 * 8, (9, 2)).astype(np.float32) / 8
    triangles = rng.integers(0, 9, (5, 3), dtype=np.int32)
    owner = rng.integers(-1, 5, (SIDE, SIDE), dtype=np.int32)
    weights = rng.dirichlet([1, 1, 1], (SIDE, SIDE)).astype(np.float32)
    seen = rng.random(9).astype(np.float32)
    before = cpu.unwrap(frame, points, seen, triangles, owner, weights, stride)
    moved = np.roll(frame, (dy, dx), axis=(0, 1))
    after = cpu.unwrap(moved, points + f32([dx, dy]), seen, triangles, owner, weights, stride)
    # The positions differ only by float32 weights that do not sum to exactly one.
    np.testing.assert_allclose(after[0], before[0], atol=2e-5)
    np.testing.assert_allclose(after[1], before[1], atol=1e-6)


def test_visibility_is_interpolated_and_ends_at_the_frame(kernels: ModuleType) -> None:
    frame = noise_frame(8, 8)
    points = f32([[4, 4], [4, 4], [20, 4]])
    seen = f32([1.0, 0.5, 0.0])
    owner = np.zeros((2, 2), np.int32)
    wanted = f32([[1, 0.75], [0, 0]])
    weights = f32([[[1, 0, 0], [0.5, 0.5, 0]], [[0, 0, 1], [0.5, 0, 0.5]]])
    _, visibility = kernels.unwrap(frame, points, seen, CORNERS, owner, weights)
    np.testing.assert_allclose(visibility, wanted, atol=1e-6)


def test_no_triangle_and_no_position_are_black_and_unseen(kernels: ModuleType) -> None:
    frame = np.full((8, 8, 3), 200, np.uint8)
    points = f32([[4, 4], [5, 4], [np.nan, 4]])
    owner = np.array([[-1, 0]] * 2, np.int32)
    weights = np.full((2, 2, 3), 1 / 3, np.float32)
    colour, visibility = kernels.unwrap(
        frame, points, np.ones(3, np.float32), CORNERS, owner, weights
    )
    assert not colour.any()
    assert not visibility.any()


def test_a_shut_gate_is_exactly_the_identity(kernels: ModuleType) -> None:
    affine = np.random.default_rng(2).normal(0, 5, (SIDE, SIDE, 6)).astype(np.float32)
    affine[0, 0], affine[0, 1] = np.nan, np.inf
    ones = np.ones((SIDE, SIDE), np.float32)
    weights = np.ones((SIDE, SIDE, 2), np.float32)
    off, on = np.zeros(2, np.float32), np.ones(2, np.float32)
    for gated in (
        kernels.gate(affine, weights, off, ones),
        kernels.gate(affine, weights, on, ones * 0),
        kernels.gate(affine, weights * 0, on, ones),
        kernels.gate(affine, weights[..., :0], on[:0], ones),
    ):
        np.testing.assert_array_equal(gated, np.broadcast_to(IDENTITY, affine.shape))


def test_a_gate_scales_the_difference_from_identity(kernels: ModuleType) -> None:
    affine = np.tile(f32([0.5, 2, 0, 0.1, -0.2, 0.4]), (1, 1, 1))
    weights = f32([[[0.5, 0.5]]])
    full = np.ones((1, 1), np.float32)
    for gates, g in (((1, 1), 1.0), ((1, 0), 0.5), ((3, 3), 3.0)):
        gated = kernels.gate(affine, weights, f32(gates), full)[0, 0]
        gain = np.maximum(0, 1 + g * (affine[0, 0, :3] - 1))
        wanted = np.concatenate([gain, g * affine[0, 0, 3:]])
        np.testing.assert_allclose(gated, wanted, atol=1e-6)
    assert kernels.gate(affine, weights, f32([3, 3]), full)[0, 0, 2] == 0  # not negative


def test_smoothing_moves_by_its_weight(kernels: ModuleType) -> None:
    previous, current = np.full((2, 2, 3), 2, np.float32), np.full((2, 2, 3), 6, np.float32)
    smoothed = kernels.ema(previous, current, f32([[0, 0.25], [0.5, 1]]))
    np.testing.assert_array_equal(smoothed[..., 1], [[2, 3], [4, 6]])


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_smoothing_passes_over_broken_numbers(kernels: ModuleType, broken: float) -> None:
    good, bad = np.ones((1, 1, 2), np.float32), np.full((1, 1, 2), broken, np.float32)
    half = np.full((1, 1), 0.5, np.float32)
    np.testing.assert_array_equal(kernels.ema(good, bad, half), good)  # keeps what it had
    np.testing.assert_array_equal(kernels.ema(bad, good, half), good)  # and recovers


def test_a_vertex_is_seen_by_its_angle_to_the_camera(kernels: ModuleType) -> None:
    """Two squares in px, wound towards the camera: tilted, and flat."""
    for cosine, wanted in ((1.0, 1.0), (0.5, 0.5), (0.25, 0.0), (0.0, 0.0)):
        depth = np.sqrt(1 - cosine**2)
        points = f32([[0, 0, 0], [0, 1, 0], [cosine, 1, depth], [cosine, 0, depth], [9, 9, 9]])
        triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
        seen = kernels.facing(points, triangles, 0.25, 0.75)
        np.testing.assert_allclose(seen, [wanted] * 4 + [0], atol=1e-6)  # the last has no triangle
        turned = kernels.facing(points, triangles[:, ::-1].copy(), 0.25, 0.75)
        np.testing.assert_array_equal(turned, np.zeros(5))


def test_a_broken_corner_is_seen_by_nobody_knows_how_much(kernels: ModuleType) -> None:
    points = f32([[0, 0, 0], [0, 1, 0], [np.nan, 1, 0], [5, 5, 0], [5, 6, 0], [6, 6, 0]])
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    seen = kernels.facing(points, triangles, 0.25, 0.75)
    assert np.isnan(seen[:3]).all()
    np.testing.assert_array_equal(seen[3:], [1, 1, 1])
