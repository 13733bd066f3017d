"""Brushes lie where a make-up artist puts them, the same on both halves of the face."""

from dataclasses import fields as dataclass_fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tryon.cosmetics.brushes import (
    brush_fields,
    free_shapes,
    smoothstep,
    spot,
    winged_line,
)
from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.regions import region_masks


def number(value):
    return torch.tensor(float(value))[None, None, None, None]


def at(field, vertex):
    """Value of a (1, 1, A, A) field at a vertex of the mesh."""
    column, row = (atlas(field.shape[-1]).uv[vertex]).astype(int)
    return field[0, 0, row, column].item()


def test_fields_are_maps_of_one_shape_built_once(fields):
    for item in dataclass_fields(fields):
        value = getattr(fields, item.name)
        if isinstance(value, Tensor):
            channels = 3 if item.name == "position" else 1
            assert value.shape == (1, channels, 128, 128), item.name
            assert value.dtype == torch.float32
            assert torch.isfinite(value).all(), item.name
    assert brush_fields(128) is fields


def test_every_brush_is_the_same_on_both_halves(fields):
    inside = fields.inside.bool()
    for item in dataclass_fields(fields):
        value = getattr(fields, item.name)
        if isinstance(value, Tensor) and item.name != "sparkle":
            error = ((value - value.flip(-1)) * inside).abs().max()
            assert error < 5e-3 * max(1.0, value.abs().max().item()), item.name


def test_nothing_is_painted_in_openings_or_off_the_face(fields):
    off = ~fields.inside.bool()
    for field in (fields.paintable, fields.face, fields.lips, fields.brows):
        assert not field[off].any()
        assert 0 <= field.min() <= field.max() <= 1
    openings = torch.as_tensor(region_masks(128).exclusion > 0.99)[None, None]
    for field in (fields.paintable, fields.face, fields.lips):
        assert field[openings].max() < 0.02
    assert (fields.face * fields.lips).max() < 0.3


def test_the_lid_runs_from_the_lashes_to_the_brow(fields):
    eye = lm.EYE_L
    lashes = [at(fields.lid, vertex) for vertex in eye.upper[2:-2]]
    brows = [at(fields.lid, vertex) for vertex in eye.brow_lower[1:-1]]
    assert max(lashes) < 0.15 < 0.9 < min(brows)
    upwards = [at(fields.lid, vertex) for vertex in (386, 257, 443, 282)]
    assert upwards == sorted(upwards)
    assert 0.1 < upwards[1] < upwards[2] < 0.9
    assert at(fields.above, 257) == 1
    assert at(fields.above, 450) == 0  # below the eye


def test_the_axis_of_the_eye_runs_from_the_inner_to_the_outer_corner(fields):
    assert at(fields.along, lm.EYE_L.inner) == pytest.approx(0, abs=0.05)
    assert at(fields.along, lm.EYE_L.outer) == pytest.approx(1, abs=0.05)
    assert at(fields.across, 257) > 0.2 > -0.2 > at(fields.across, 450)
    assert 2 < fields.eye_width < 4  # cm


def test_lip_depth_runs_from_the_outer_to_the_inner_contour(fields):
    outer = [at(fields.lip_depth, v) for v in lm.LIPS_OUTER[6:9]]
    inner = [at(fields.lip_depth, v) for v in lm.LIPS_INNER[6:9]]
    assert max(outer) < 0.3 < 0.7 < min(inner)


@pytest.mark.parametrize(
    ("name", "vertex", "away"),
    [("cheekbone", 345, 199), ("bridge", 6, 280), ("cupid", 0, 152), ("nose_tip", 4, 152)],
)
def test_distances_are_least_where_the_brush_is(fields, name, vertex, away):
    field = getattr(fields, name)
    assert at(field, vertex) < 0.5
    assert at(field, away) > 2.0


def test_a_spot_is_brightest_at_its_centre_and_long_along_its_axis(fields):
    centre, axis = torch.tensor([[4.5, -1.0, 3.0]]), torch.tensor([0.0, 1.0, 0.0])
    blush = spot(fields, centre, axis, number(2.0), number(1.0))
    best = (fields.position - centre[:, :, None, None]).norm(dim=1).flatten().argmin()
    assert blush.flatten()[best] == pytest.approx(blush.max().item(), abs=0.02)
    rounder = spot(fields, centre, axis, number(1.0), number(1.0))
    assert (blush >= rounder - 1e-6).all()
    assert blush.sum() > 1.2 * rounder.sum()
    torch.testing.assert_close(blush, blush.flip(-1), atol=2e-3, rtol=0)


def test_a_liner_grows_with_its_thickness_and_its_wing(fields):
    thin, thick = (winged_line(fields, number(t), number(0), number(0.05)) for t in (0.1, 0.4))
    winged = winged_line(fields, number(0.4), number(0.5), number(0.05))
    assert thin.max() > 0.8
    assert (thick >= thin - 1e-6).all()
    assert (winged >= thick).all()
    past = fields.along > 1.1
    assert thick[past].max() < 0.01
    assert winged[past].sum() > 5
    rising = past & (winged > 0.5)
    assert fields.across[rising].min() > -0.05  # upwards and outwards
    assert fields.across[rising].max() > 0.4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.05, 0.6), st.floats(0, 1), st.integers(4, 14))
def test_free_shapes_cover_about_the_share_asked_for(seed, share, sharpness, cells):
    fields = brush_fields(128)
    noise = torch.randn(1, 1, cells, cells, generator=torch.Generator().manual_seed(seed))
    shapes = free_shapes(fields, noise, number(share), number(sharpness))
    assert 0 <= shapes.min() <= shapes.max() <= 1
    assert not shapes[~fields.inside.bool()].any()
    more = free_shapes(fields, noise, number(min(share + 0.2, 0.98)), number(sharpness))
    assert (more >= shapes - 1e-6).all()


def test_free_shapes_cover_the_share_on_average(fields):
    noise = torch.randn(64, 1, 9, 9, generator=torch.Generator().manual_seed(5))
    for share in (0.1, 0.3, 0.6):
        shapes = free_shapes(fields, noise, number(share), number(1.0))
        covered = (shapes.sum() / fields.inside.sum() / len(noise)).item()
        assert covered == pytest.approx(share, abs=0.08)


@given(st.floats(-5, 5), st.floats(0.1, 5))
def test_smoothstep_rises_from_zero_to_one(low, width):
    x = torch.linspace(low - 1, low + width + 1, 50)
    y = smoothstep(x, low, low + width)
    assert (y.diff() >= -1e-6).all()
    assert y[0] == 0
    assert y[-1] == 1
