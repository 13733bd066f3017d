"""The canonical mesh: one sheet of skin without holes, mirror symmetric, wound outwards."""

import numpy as np

from tryon.face import landmarks as lm
from tryon.face.atlas_build import mirror_partners
from tryon.face.mesh import VERTEX_COUNT, face_mesh


def edges(triangles):
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(pairs, 1), axis=0, return_counts=True)


def test_shapes_and_types():
    mesh = face_mesh()
    assert mesh.vertices.shape == (VERTEX_COUNT, 3)
    assert mesh.triangles.shape == (898, 3)
    assert mesh.atlas_uv.shape == (VERTEX_COUNT, 2)
    assert mesh.vertices.dtype == mesh.atlas_uv.dtype == np.float32
    assert mesh.triangles.dtype == np.int32
    assert face_mesh() is mesh


def test_it_is_one_sheet_with_the_face_oval_as_its_only_border():
    triangles = face_mesh().triangles
    pairs, times = edges(triangles)
    assert set(np.unique(triangles)) == set(range(VERTEX_COUNT))
    assert times.max() == 2
    border = pairs[times == 1]
    oval = zip(lm.FACE_OVAL, (*lm.FACE_OVAL[1:], lm.FACE_OVAL[0]), strict=True)
    assert {tuple(pair) for pair in border.tolist()} == {tuple(sorted(pair)) for pair in oval}
    assert VERTEX_COUNT - len(pairs) + len(triangles) == 1  # Euler: a disc


def test_every_triangle_is_wound_the_same_way_as_its_neighbours():
    triangles = face_mesh().triangles
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)


def test_it_is_mirror_symmetric():
    vertices, triangles = face_mesh().vertices, face_mesh().triangles
    partner = mirror_partners(vertices.astype(float))
    assert np.array_equal(partner[partner], np.arange(VERTEX_COUNT))
    assert np.abs(vertices[partner] * [-1, 1, 1] - vertices).max() < 1e-5
    mirrored = {frozenset(t) for t in partner[triangles].tolist()}
    assert mirrored == {frozenset(t) for t in triangles.tolist()}


def test_it_is_a_head_in_centimetres_that_looks_at_the_camera():
    vertices = face_mesh().vertices
    width, height, _ = np.ptp(vertices, axis=0)
    assert 12 < width < 18
    assert 14 < height < 22
    nose_tip, chin, forehead, right_eye = vertices[[4, 152, 10, lm.EYE_R.outer]]
    assert nose_tip[2] > vertices[[234, 454], 2].max() + 5  # z towards the camera
    assert chin[1] < nose_tip[1] < forehead[1]  # y up
    assert right_eye[0] < 0  # the wearer's right is the picture's left
