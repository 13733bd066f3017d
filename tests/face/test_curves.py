"""Curves pass through their points and move with them; distances are true distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tryon.face.curves import catmull_rom, distance_to_polyline

numbers = st.floats(-100, 100, width=32)
planes = st.integers(3, 9).flatmap(lambda n: arrays(np.float32, (n, 2), elements=numbers))


@given(planes, st.integers(1, 6), st.booleans())
def test_the_curve_passes_through_every_point(points, steps, closed):
    curve = catmull_rom(points, steps, closed)
    assert curve.dtype == np.float32
    assert len(curve) == len(points) * steps if closed else (len(points) - 1) * steps + 1
    np.testing.assert_allclose(curve[::steps], points, atol=1e-3)


@given(planes, arrays(np.float32, (2, 2), elements=st.floats(-3, 3, width=32)), st.booleans())
def test_the_curve_moves_with_its_points(points, matrix, closed):
    shift = np.array([5, -7], np.float32)
    moved = catmull_rom(points @ matrix + shift, 4, closed)
    np.testing.assert_allclose(moved, catmull_rom(points, 4, closed) @ matrix + shift, atol=0.02)


def test_evenly_spaced_points_of_a_line_give_a_line():
    points = np.linspace([0, 0, 0], [3, 6, -9], 4, dtype=np.float32)
    wanted = np.linspace([0, 0, 0], [3, 6, -9], 19, dtype=np.float32)
    np.testing.assert_allclose(catmull_rom(points, 6), wanted, atol=1e-5)


def test_a_closed_curve_through_a_circle_is_round():
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    radius = np.linalg.norm(catmull_rom(circle, 8, closed=True), axis=1)
    np.testing.assert_allclose(radius, 1, atol=0.003)


@given(planes)
def test_points_of_the_line_have_distance_zero(line):
    middles = (line[1:] + line[:-1]) / 2
    assert distance_to_polyline(line, line).max() < 1e-3
    assert distance_to_polyline(middles, line).max() < 1e-2


@given(planes, arrays(np.float32, (5, 2), elements=numbers))
def test_distance_is_that_of_the_nearest_sample(line, points):
    t = np.linspace(0, 1, 201)[:, None, None]
    dense = (line[:-1] + t * (line[1:] - line[:-1])).reshape(-1, 2)
    nearest = np.linalg.norm(points[:, None] - dense, axis=-1).min(1)
    distance = distance_to_polyline(points, line)
    spacing = np.linalg.norm(np.diff(line, axis=0), axis=1).max() / 200
    assert (distance <= nearest + 1e-2).all()
    assert (distance >= nearest - spacing - 1e-2).all()
    np.testing.assert_allclose(distance, distance_to_polyline(points, line[::-1]), atol=1e-2)


@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 3)])
def test_distance_keeps_the_shape_and_works_in_space(shape):
    line = np.array([[0, 0, 0], [0, 0, 0], [2, 0, 0]], np.float32)  # a segment of no length too
    points = np.full(shape, 1, np.float32)
    np.testing.assert_allclose(distance_to_polyline(points, line), np.full(shape[:-1], 2**0.5))
