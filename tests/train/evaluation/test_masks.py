"""The masks lie where their names say, in the atlas and on a photo."""

import numpy as np
import pytest

from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.train.evaluation.masks import atlas_masks, core, eye_pixels, mesh_pixels, seen


@pytest.fixture(scope="module")
def masks():
    return atlas_masks()


def test_regions_lie_on_the_face_and_apart(masks):
    parts = (masks.skin, masks.lips, masks.lids)
    assert sum(part.astype(int) for part in parts).max() == 1
    for part in parts:
        assert part.sum() > 1000
        assert not (part & ~masks.face).any()


@pytest.mark.parametrize("name", ["face", "skin", "lips", "lids"])
def test_regions_are_mirror_symmetric(masks, name):
    mask = getattr(masks, name)
    assert (mask != mask[:, ::-1]).mean() < 0.002


def test_lids_lie_between_lash_line_and_brow(masks):
    uv = atlas().uv
    for eye in lm.EYES:
        column = int(uv[list(eye.upper), 0].mean())
        rows = np.flatnonzero(masks.lids[:, column])
        brow, lash = (
            np.interp(column, *uv[list(line)][np.argsort(uv[list(line), 0])].T)
            for line in (eye.brow_lower, eye.upper)
        )
        assert brow + 0.5 * (lash - brow) < rows[0] < brow + 0.8 * (lash - brow)
        assert lash - 3 < rows[-1] < lash + 2


def test_seen_drops_what_any_texture_hides(masks):
    half = np.ones((256, 256), np.float32)
    half[:, :128] = 0
    assert not seen(masks.lips, half)[:, :128].any()
    assert not seen(masks.lips, half, half[:, ::-1]).any()


def test_a_core_is_what_lies_deeper_than_its_rim(masks):
    assert 0.2 < core(masks.lids).sum() / masks.lids.sum() < 0.9
    square = np.zeros((20, 20), bool)
    square[5:15, 5:15] = True
    assert core(square, 2).sum() == 36
    assert core(square, 2)[7:13, 7:13].all()
    assert not core(np.ones((6, 6), bool), 3).any()


def test_pixels_of_face_and_eyes_follow_the_landmarks(portrait, portrait_face):
    inside, eyes = (f(portrait.shape, portrait_face) for f in (mesh_pixels, eye_pixels))
    assert inside.shape == eyes.shape == portrait.shape[:2]
    x, y = portrait_face.landmarks[4, :2].astype(int)
    assert inside[y, x]
    assert not eyes[y, x]
    x0, y0, x1, y1 = portrait_face.box
    assert not inside[: int(y0) - 1].any()
    assert 0.5 < inside.sum() / ((x1 - x0) * (y1 - y0)) < 0.95
    assert (eyes & inside).sum() == eyes.sum()


def test_eyes_are_the_openings_without_their_edge(portrait_face):
    shape = (512, 512)
    wide, narrow = (eye_pixels(shape, portrait_face, inset) for inset in (0.0, 2.0))
    assert 0 < narrow.sum() < wide.sum() < 400
    assert not (narrow & ~wide).any()
    for eye in lm.EYES:
        x, y = portrait_face.landmarks[list(eye.opening), :2].mean(0).astype(int)
        assert wide[y, x]
        assert narrow[y, x]
