"""The program that made the atlas makes it again."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from tryon.face.atlas_build import (
    flattening,
    main,
    minimise,
    of_vertices,
    signed_area,
    tutte_embedding,
)
from tryon.face.mesh import face_mesh


@pytest.fixture(scope="module")
def problem():
    return flattening(face_mesh())


@pytest.fixture(scope="module")
def start(problem):
    return tutte_embedding(face_mesh(), problem)


def test_the_start_has_no_fold_and_the_wanted_size(problem, start):
    areas = signed_area(start, problem.triangles)
    assert (areas > 0).all()
    np.testing.assert_allclose(areas.sum(), problem.rest_area.sum())


def test_descent_lowers_the_energy_without_a_fold(problem, start):
    _, before = minimise(problem, start, steps=0)
    flat, after = minimise(problem, start, steps=60)
    assert 4 <= after < 0.6 * before
    assert (signed_area(flat, problem.triangles) > 0).all()
    np.testing.assert_allclose(flat[problem.mirror] * [-1, 1], flat, atol=1e-12)


def test_triangles_of_a_set_of_vertices():
    triangles = np.array([[0, 1, 2], [1, 2, 3], [3, 4, 5]], np.int32)
    assert of_vertices(triangles, {0, 1, 2, 3}).tolist() == [True, True, False]


@pytest.mark.slow
def test_it_reproduces_the_atlas_that_ships(tmp_path):
    assert main(["-o", str(tmp_path)]) == 0
    made = load_file(tmp_path / "face_mesh.safetensors")
    np.testing.assert_allclose(made["atlas_uv"], face_mesh().atlas_uv, atol=1e-4)
    assert np.array_equal(made["triangles"], face_mesh().triangles)
    assert np.array_equal(made["vertices"], face_mesh().vertices)
