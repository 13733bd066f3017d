"""The mesh's picture: lit from the front, nearest surface first, black around."""

import numpy as np
import torch

from tryon.face.mesh import face_mesh
from tryon.models.mesh_render import atlas_mesh, render_mesh


def square(z: float, low: float, high: float) -> np.ndarray:
    return np.array([[low, low, z], [high, low, z], [high, high, z], [low, high, z]], np.float32)


TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_a_plane_that_faces_the_camera_is_as_bright_as_can_be():
    picture = render_mesh(square(0.0, 4, 12), TRIANGLES, 16)
    assert np.allclose(picture[4:12, 4:12], 1.0, atol=1e-5)
    picture[4:12, 4:12] = 0
    assert not picture.any()


def test_the_nearer_surface_hides_the_other():
    tilted = square(-5.0, 6, 10)
    tilted[1:3, 2] -= 8.0  # it turns away, so it is darker
    points = np.concatenate((square(0.0, 2, 14), tilted))
    for order in (TRIANGLES, TRIANGLES + 4), (TRIANGLES + 4, TRIANGLES):
        picture = render_mesh(points, np.concatenate(order), 16)
        assert picture[8, 8] < 0.9
        assert picture[3, 3] > 0.99


def test_a_face_is_shaded_and_turning_it_changes_the_picture():
    mesh = face_mesh()
    points = mesh.vertices * np.array((1, -1, -1), np.float32)  # y down, z away
    points = points / np.abs(points).max() * 28 + 32
    picture = render_mesh(points.astype(np.float32), mesh.triangles, 64)
    covered = picture > 0
    assert 0.3 < covered.mean() < 0.9
    assert picture.max() <= 1.0
    assert picture[covered].std() > 0.03
    assert np.abs(picture - picture[:, ::-1]).mean() < 0.02  # frontal: symmetric
    turn = np.deg2rad(30)
    spin = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    turned = render_mesh(((points - 32) @ spin.T + 32).astype(np.float32), mesh.triangles, 64)
    assert np.abs(turned - turned[:, ::-1]).mean() > 0.05


def test_nothing_is_drawn_outside_the_picture():
    assert not render_mesh(square(0.0, -20, -10), TRIANGLES, 16).any()


def test_the_atlas_shows_facing_place_and_regions():
    visibility, regions = torch.rand(2, 1, 8, 8), torch.rand(6, 8, 8)
    mesh = atlas_mesh(visibility, regions)
    assert mesh.shape == (2, 9, 8, 8)
    assert torch.equal(mesh[:, :1], visibility)
    assert torch.equal(mesh[1, 3:], regions)
    assert float(mesh[0, 1, 0, 0]) < float(mesh[0, 1, 0, 7])
