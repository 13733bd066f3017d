"""Landmark contours: real vertices, mirror twins, in the order that their readers rely on."""

import numpy as np
import pytest

from tryon.face import landmarks as lm
from tryon.face.atlas_build import mirror_partners
from tryon.face.mesh import VERTEX_COUNT, face_mesh

CONTOURS = {
    name: getattr(lm, name)
    for name in (
        *("LIPS_OUTER", "LIPS_INNER", "FACE_OVAL", "NOSE"),
        *("NOSTRIL_R", "NOSTRIL_L", "CHEEK_R", "CHEEK_L"),
    )
}
CONTOURS |= {f"{eye.iris} opening": eye.opening for eye in lm.EYES}
CONTOURS |= {f"{eye.iris} brow": eye.brow for eye in lm.EYES}
LINES = ("upper", "lower", "brow_lower", "brow_upper", "under")


def corners(contour):
    return face_mesh().vertices[list(contour), :2].astype(float)


def crosses(a, b, c, d):
    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("name", CONTOURS)
def test_a_contour_names_each_vertex_once_and_does_not_cross_itself(name):
    contour = CONTOURS[name]
    assert len(set(contour)) == len(contour)
    assert 0 <= min(contour) <= max(contour) < VERTEX_COUNT
    points = corners(contour)
    ends = list(zip(points, np.roll(points, -1, 0), strict=True))
    assert not any(crosses(*first, *other) for i, first in enumerate(ends) for other in ends[:i])


@pytest.mark.parametrize(
    ("right", "left"),
    [
        (lm.NOSTRIL_R, lm.NOSTRIL_L),
        (lm.CHEEK_R, lm.CHEEK_L),
        *((getattr(lm.EYE_R, line), getattr(lm.EYE_L, line)) for line in LINES),
    ],
)
def test_left_mirrors_right_in_the_same_order(right, left):
    partner = mirror_partners(face_mesh().vertices.astype(float))
    assert tuple(partner[list(right)].tolist()) == left


@pytest.mark.parametrize("contour", [lm.LIPS_OUTER, lm.LIPS_INNER, lm.FACE_OVAL, lm.NOSE])
def test_contours_of_the_middle_are_their_own_mirror_image(contour):
    partner = mirror_partners(face_mesh().vertices.astype(float))
    assert set(partner[list(contour)].tolist()) == set(contour)


@pytest.mark.parametrize("eye", lm.EYES)
def test_an_eye_runs_from_the_outer_corner_to_the_inner_one(eye):
    for line in LINES:
        from_middle = np.abs(corners(getattr(eye, line))[:, 0])
        assert (np.diff(from_middle) < 0).all(), line
    assert eye.upper[0] == eye.lower[0] == eye.outer
    assert eye.upper[-1] == eye.lower[-1] == eye.inner
    assert VERTEX_COUNT <= eye.iris < 478


@pytest.mark.parametrize("eye", lm.EYES)
def test_an_eye_is_stacked_from_brow_to_crease(eye):
    heights = [corners(getattr(eye, line))[1:-1, 1].mean() for line in
               ("brow_upper", "brow_lower", "upper", "lower", "under")]  # fmt: skip
    assert (np.diff(heights) < 0).all()


def test_lips_start_at_the_same_corner_and_go_the_same_way_round():
    outer, inner = corners(lm.LIPS_OUTER), corners(lm.LIPS_INNER)
    assert len(outer) == len(inner)
    gap = np.linalg.norm(outer - inner, axis=1)
    turned = np.linalg.norm(outer - np.roll(inner, 5, 0), axis=1)
    assert gap.max() < 1.5
    assert gap.mean() < turned.mean() / 2
