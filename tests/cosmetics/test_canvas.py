"""Fields on a photograph: where the atlas says, with contours of the photograph's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.conftest import mesh_pixels, parse_still
from tryon.cosmetics.canvas import canvas_of
from tryon.face import landmarks as lm


@pytest.fixture(scope="module")
def canvas(portrait, portrait_face):
    return canvas_of(portrait_face, *portrait.shape[:2])


def value(canvas, field, face, vertex):
    """A field at a landmark."""
    x, y = face.landmarks[vertex, :2].astype(int)
    rows, columns = canvas.box
    return field[0, 0, y - rows.start, x - columns.start].item()


def test_the_box_is_that_of_the_face_and_nothing_is_painted_off_it(canvas, portrait, portrait_face):
    inside = mesh_pixels(portrait, portrait_face)
    assert inside[canvas.box].sum() == inside.sum()
    off = torch.from_numpy(~inside[canvas.box])[None, None]
    for name in ("inside", "paintable", "face", "lips", "sclera"):
        assert not getattr(canvas.fields, name)[off].any(), name
    assert not canvas.visible[off].any()


def test_fields_say_where_the_parts_of_the_face_are(canvas, portrait_face):
    f, face = canvas.fields, portrait_face
    assert abs(value(canvas, f.along, face, lm.EYE_L.inner)) < 0.15
    assert abs(value(canvas, f.along, face, lm.EYE_R.outer) - 1) < 0.15
    assert value(canvas, f.face, face, 280) > 0.9
    assert value(canvas, f.bridge, face, 197) < 0.3
    assert value(canvas, f.side, face, 280) == 1
    assert value(canvas, f.side, face, 50) == -1


def test_eyes_and_mouth_are_cut_out_and_lips_are_filled(canvas, portrait_face):
    f, rows, columns = canvas.fields, *canvas.box
    mouth = portrait_face.landmarks[list(lm.LIPS_INNER), :2].mean(0)
    x, y = (mouth - (columns.start, rows.start)).astype(int)
    assert f.paintable[0, 0, y, x] < 0.5  # she smiles with open lips
    assert f.lips[0, 0, y, x] < 0.5
    assert 0.9 < f.lips.max() <= 1
    eye = portrait_face.landmarks[lm.EYE_L.iris, :2] - (columns.start, rows.start)
    assert f.paintable[0, 0, int(eye[1]), int(eye[0])] < 0.1


def test_a_larger_picture_has_finer_fields(scene):
    small, large = (scene(face=width) for width in (120, 300))
    fine, coarse = (
        canvas_of(parse_still(image), *image.shape[:2]).fields for image in (large, small)
    )
    assert fine.pitch < 0.5 * coarse.pitch
    assert fine.lips.sum() > 4 * coarse.lips.sum()
    assert fine.size > 2 * coarse.size - 4


def test_a_face_that_is_not_there_has_no_canvas(portrait_face):
    away = replace(portrait_face, landmarks=portrait_face.landmarks + 5000)
    broken = replace(portrait_face, landmarks=portrait_face.landmarks * np.nan)
    assert canvas_of(away, 512, 512) is None
    assert canvas_of(broken, 512, 512) is None
