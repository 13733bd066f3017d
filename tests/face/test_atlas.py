"""The atlas: flat without a fold, dense where makeup is fine, exact tables, honest visibility."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas, vertex_visibility
from tryon.face.atlas_build import mirror_partners
from tryon.face.curves import catmull_rom
from tryon.face.mesh import face_mesh
from tryon.face.regions import fill_polygon
from tryon.kernels import cpu, reference

SIZES = (64, 128, 256, 512)


def head(yaw=0.0, scale=18.0):
    """(468, 3) px of the canonical head turned by `yaw` degrees about its own axis."""
    turn = np.deg2rad(yaw)
    x, y, z = face_mesh().vertices.astype(float).T
    turned = [x * np.cos(turn) + z * np.sin(turn), -y, -(z * np.cos(turn) - x * np.sin(turn))]
    return (scale * np.stack(turned, 1)).astype(np.float32)


def moved(points, scale, degrees, shift):
    """Points after scaling, turning in the picture plane, and shifting."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    flat = points[:, :2] @ (scale * np.array([[c, s], [-s, c]])) + shift
    return np.column_stack([flat, scale * points[:, 2]]).astype(np.float32)


movements = st.tuples(
    st.floats(0.6, 1.5), st.floats(-180, 180), st.tuples(st.floats(-30, 30), st.floats(-30, 30))
)


def jacobians():
    """(898, 2, 2) of the map from each triangle's own plane, in cm, to the unit square."""
    mesh = face_mesh()
    a, b, c = (mesh.vertices[mesh.triangles[:, i]].astype(float) for i in range(3))
    base = np.linalg.norm(b - a, axis=1)
    foot = ((c - a) * (b - a)).sum(1) / base
    own = np.zeros((len(a), 2, 2))
    own[:, 0, 0], own[:, 0, 1] = base, foot
    own[:, 1, 1] = np.sqrt(((c - a) ** 2).sum(1) - foot**2)
    a, b, c = (mesh.atlas_uv[mesh.triangles[:, i]].astype(float) for i in range(3))
    return np.stack([b - a, c - a], -1) @ np.linalg.inv(own)


def density(*contours, without=()):
    """Texels of a 256 atlas per cm of skin within some contours."""
    table = atlas(256)

    def fill(contour):
        return fill_polygon(catmull_rom(table.uv[list(contour)], 4, closed=True), 256, 1.0)

    mask = np.max([fill(c) for c in contours], 0)
    for contour in without:
        mask = mask * (1 - fill(contour))
    triangle = table.texel_triangle[table.inside]
    scale = np.abs(np.linalg.det(jacobians()))[triangle] * 256**2  # texels per cm2
    weight = mask[table.inside]
    return np.sqrt(weight.sum() / (weight / scale).sum())


def test_no_triangle_is_folded_over():
    assert (np.linalg.det(jacobians()) < 0).all()  # v is down, so the sign is negative
    lo, hi = face_mesh().atlas_uv.min(0), face_mesh().atlas_uv.max(0)
    assert (lo > 0.005).all()
    assert (hi < 0.995).all()


def test_distortion_is_bounded():
    longest, shortest = np.linalg.svd(jacobians(), compute_uv=False).T
    assert (longest / shortest).max() < 4
    assert np.median(longest / shortest) < 1.7
    assert shortest.min() * 256 > 4  # texels per cm, anywhere, in any direction


def test_lips_and_lids_have_twice_the_texels_of_the_cheeks():
    cheeks = density(lm.CHEEK_R, lm.CHEEK_L)
    lips = density(lm.LIPS_OUTER, without=(lm.LIPS_INNER,))
    lids = density(
        *(eye.upper + eye.brow_lower[::-1] for eye in lm.EYES),
        without=tuple(eye.opening for eye in lm.EYES),
    )
    assert lips / cheeks >= 2.0
    assert lids / cheeks >= 2.0


def test_the_atlas_is_mirror_symmetric():
    mesh, table = face_mesh(), atlas(256)
    partner = mirror_partners(mesh.vertices.astype(float))
    np.testing.assert_allclose(mesh.atlas_uv[partner] * [-1, 1] + [1, 0], mesh.atlas_uv, atol=1e-6)
    assert np.array_equal(table.inside, table.inside[:, ::-1])
    mirrored = table.position[:, ::-1] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(mirrored, table.position, atol=1e-4)


@settings(max_examples=8, deadline=None)
@given(st.integers(16, 200) | st.sampled_from(SIZES))
def test_barycentrics_sum_to_one_and_reproduce_the_place_of_the_texel(size):
    table = atlas(size)
    weights = table.texel_barycentric
    np.testing.assert_allclose(weights.sum(-1), table.inside, atol=1e-5)
    assert weights.min() > -1e-5
    centre = np.arange(size) + 0.5
    place = np.stack(np.meshgrid(centre, centre), -1)
    np.testing.assert_allclose(
        table.interpolate(table.uv)[table.inside], place[table.inside], atol=size * 1e-6
    )
    assert (table.interpolate(table.uv)[~table.inside] == 0).all()


@pytest.mark.parametrize("size", SIZES)
def test_the_face_fills_the_atlas_without_a_gap(size):
    table = atlas(size)
    oval = fill_polygon(table.uv[list(lm.FACE_OVAL)], size, 0.01)
    assert (table.inside == (oval > 0.5)).mean() > 0.999
    assert 0.6 < table.inside.mean() < 0.9
    if size >= 256:
        assert set(np.unique(table.texel_triangle)) == set(range(-1, 898))


def test_a_face_to_the_camera_is_seen_and_a_profile_hides_its_far_half():
    x = face_mesh().vertices[:, 0]
    near, far = x < -3, x > 3  # of a head that turns to the picture's right
    straight = vertex_visibility(head(0))
    assert np.median(straight) > 0.95
    np.testing.assert_allclose(straight[near].mean(), straight[far].mean(), atol=1e-3)
    seen = np.array([[vertex_visibility(head(yaw))[half].mean() for half in (near, far)]
                     for yaw in (0, 20, 40, 60, 80)])  # fmt: skip
    assert (np.diff(seen[:, 1]) < 0).all()
    assert seen[-1, 1] < 0.02
    assert seen[2:, 0].min() > 0.7
    mirrored = mirror_partners(face_mesh().vertices.astype(float))
    np.testing.assert_allclose(
        vertex_visibility(head(-40))[mirrored], vertex_visibility(head(40)), atol=1e-3
    )


def test_a_head_from_behind_is_not_seen():
    assert np.quantile(vertex_visibility(head(180)), 0.95) < 0.05


@settings(max_examples=30, deadline=None)
@given(st.floats(-80, 80), movements)
def test_visibility_does_not_depend_on_where_in_the_picture_a_face_is(yaw, movement):
    points = head(yaw)
    seen = vertex_visibility(moved(points, *movement))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, vertex_visibility(points), atol=5e-3)


def picture(matrix, shift, side=680):
    """A smooth picture, seen after its plane is mapped by `matrix` and `shift`."""
    centre = np.arange(side) + 0.5
    there = np.stack(np.meshgrid(centre, centre), -1)
    x, y = np.moveaxis((there - shift) @ np.linalg.inv(matrix), -1, 0)
    waves = [np.sin(x / 40) * np.cos(y / 60), np.sin((x + y) / 50), np.cos((x - 2 * y) / 90)]
    return np.round(127.5 + 110 * np.stack(waves, -1)).astype(np.uint8)


@pytest.mark.parametrize("kernels", [reference, cpu], ids=["reference", "cpu"])
@settings(max_examples=5, deadline=None)
@given(movement=movements)
def test_unwrapping_moves_with_the_face(kernels, movement):
    scale, degrees, shift = movement
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = scale * np.array([[c, s], [-s, c]])
    table = atlas(64)

    def unwrap(points, frame):
        tables = (table.triangles, table.texel_triangle, table.texel_barycentric)
        return kernels.unwrap(frame, points, vertex_visibility(points), *tables, 1)

    middle = np.array([340, 340])
    points = head(15)
    still = unwrap(moved(points, 1, 0, middle), picture(np.eye(2), middle))
    other = unwrap(
        moved(points, scale, degrees, middle + shift), picture(matrix, middle + np.array(shift))
    )
    # A level of the 8-bit picture on either side, and the curvature between pixels.
    np.testing.assert_allclose(other[0], still[0], atol=3 / 255)
    np.testing.assert_allclose(other[1], still[1], atol=5e-3)
    assert still[1][table.inside].mean() > 0.8
    assert not still[0][~table.inside].any()
    assert not still[1][~table.inside].any()
