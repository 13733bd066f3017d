"""A layer on a frame: exact inside the face, and not a bit beyond it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import mesh_pixels, parse_still
from tryon.face import landmarks as lm
from tryon.face.curves import catmull_rom
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.kernels import cpu
from tryon.kernels.colour import srgb_to_linear
from tryon.kernels.sets import CPU
from tryon.layer.composite import composite_layer, lip_softness
from tryon.types import Face, MakeupLayer, Pose

SIZE = 256
IDENTITY = np.array([1, 1, 1, 0, 0, 0], np.float32)
LURID = (0, 255, 0)


def opaque(colour) -> MakeupLayer:
    """A layer that hides everything under an sRGB colour, one for all texels or (A, A, 3)."""
    affine = np.zeros((SIZE, SIZE, 6), np.float32)
    affine[..., 3:] = srgb_to_linear(np.asarray(colour, np.float32))
    return MakeupLayer(affine)


def lurid() -> MakeupLayer:
    return opaque(np.array(LURID) / 255)


def worn(image, face, layer):
    canvas = CPU.canvas(image, [face.landmarks])
    composite_layer(canvas, face, layer)
    return CPU.store(canvas)


def area(image, face, contour, soft=0.0):
    """(H, W) 0..1: how much of each pixel a closed landmark contour covers."""
    curve = catmull_rom(face.landmarks[list(contour), :2], 6, closed=True)
    return cpu.polygon_coverage(curve, (0, 0), image.shape[:2], soft)


@pytest.fixture(scope="module")
def big(scene):
    """A 720p frame and its face, 300 px wide and slightly tilted."""
    image = scene(degrees=8)
    return image, parse_still(image)


@pytest.mark.parametrize("width", [96, 300])
def test_round_trip_reproduces_the_face(scene, portrait, width):
    image = portrait if width == 96 else scene(face=width)
    face = parse_still(image)
    texture = unwrap_face(image, face)
    error = np.abs(worn(image, face, opaque(texture.colour)).astype(int) - image)
    assert error[mesh_pixels(image, face)].mean() <= 2


def test_the_identity_changes_no_byte(big):
    image, face = big
    layer = MakeupLayer(np.broadcast_to(IDENTITY, (SIZE, SIZE, 6)).copy())
    np.testing.assert_array_equal(worn(image, face, layer), image)


def test_nothing_outside_the_mesh_changes(big):
    image, face = big
    out, inside = worn(image, face, lurid()), mesh_pixels(image, face)
    np.testing.assert_array_equal(out[~inside], image[~inside])
    assert (out[inside] == LURID).all(-1).mean() > 0.9


def test_eyes_and_mouth_stay_free_of_a_lurid_layer(big):
    image, face = big
    landmarks, inner = face.landmarks.copy(), list(lm.LIPS_INNER)
    below = landmarks[inner, 1] > landmarks[inner, 1].mean()
    landmarks[inner, 1] += np.where(below, 12, -12)  # px: the mouth is open
    face = replace(face, landmarks=landmarks)
    out = worn(image, face, lurid())
    soft = lip_softness(face.width)
    assert soft > 0.3
    for contour, edge in ((lm.LIPS_INNER, soft), *((eye.opening, 0.0) for eye in lm.EYES)):
        free = area(image, face, contour, edge) >= 1 - 1e-6
        assert free.sum() > 100
        np.testing.assert_array_equal(out[free], image[free])


def test_edges_are_antialiased_at_the_resolution_of_the_frame(big):
    """Where an eye opening covers part of a pixel, the layer covers the rest of it."""
    image, face = big
    black = np.zeros_like(image)
    out = worn(black, face, opaque((1.0, 1.0, 1.0)))
    part = area(image, face, lm.EYE_R.opening)
    edge = (part > 0.05) & (part < 0.95)
    light = srgb_to_linear(out[edge, 0] / 255)
    assert edge.sum() > 50
    np.testing.assert_allclose(light, 1 - part[edge], atol=0.01)


def test_lip_colour_ends_at_the_lip_contour(big):
    image, face = big
    affine = np.broadcast_to(IDENTITY, (SIZE, SIZE, 6)).copy()
    affine[region_masks(SIZE).of("lips") > 0.01] = (0, 0, 0, 1, 0, 1)
    out = worn(image, face, MakeupLayer(affine))
    soft = lip_softness(face.width)
    lips = area(image, face, lm.LIPS_OUTER, soft)
    np.testing.assert_array_equal(out[lips == 0], image[lips == 0])
    inner = (lips == 1) & (area(image, face, lm.LIPS_INNER, soft) == 0)
    assert (out[inner] == (255, 0, 255)).all(-1).mean() > 0.98


def test_lips_get_soft_as_a_face_gets_large():
    assert [lip_softness(width) for width in (40, 100, 300, 2000)] == [0, 0, 1 / 3, 1 / 3]
    assert 0 < lip_softness(150) < lip_softness(250) < 1 / 3


def test_a_face_at_the_border_is_painted_where_it_is_seen(big):
    image, face = big
    half = np.ascontiguousarray(image[:, :640])
    whole, part = worn(image, face, lurid()), worn(half, face, lurid())
    np.testing.assert_array_equal(part, whole[:, :640])


def moved(face, x, y) -> Face:
    return replace(face, landmarks=face.landmarks + np.float32([x, y, 0]))


@pytest.mark.parametrize(("x", "y"), [(5000, 0), (-5000, 0), (0, 1e9), (0, -1e30), (1e30, 1e30)])
def test_a_face_outside_the_frame_changes_nothing(big, x, y):
    image, face = big
    np.testing.assert_array_equal(worn(image, moved(face, x, y), lurid()), image)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 13, 159, 300])
def test_a_broken_landmark_leaves_the_frame_as_it_is(big, bad, where):
    image, face = big
    landmarks = face.landmarks.copy()
    landmarks[where, 1] = bad
    out = worn(image, replace(face, landmarks=landmarks), lurid())
    np.testing.assert_array_equal(out, image)


@pytest.mark.filterwarnings("error")
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 12),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e30]),
    st.integers(0, 40),
)
def test_no_landmarks_crash(seed, spread, odd, count):
    """Any numbers at all: nothing is raised, and nothing but the canvas is written."""
    random = np.random.default_rng(seed)
    landmarks = (48 + 10**spread * random.standard_normal((478, 3))).astype(np.float32)
    landmarks[random.integers(0, 478, count), random.integers(0, 3, count)] = odd
    image = np.full((80, 96, 3), 90, np.uint8)
    assert worn(image, Face(landmarks, Pose(0, 0, 0), 1.0), lurid()).shape == (80, 96, 3)
    assert (image == 90).all()
