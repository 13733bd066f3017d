"""Brushes lie where a make-up artist puts them, the same on both halves of the face."""

from dataclasses import fields as dataclass_fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tryon.cosmetics.brushes import atlas_zones, brush_fields, flakes, smoothstep
from tryon.face import landmarks as lm
from tryon.face.atlas import atlas
from tryon.face.regions import region_masks


def at(field, vertex):
    """Value of a (1, 1, A, A) field at a vertex of the mesh."""
    column, row = (atlas(field.shape[-1]).uv[vertex]).astype(int)
    return field[0, 0, row, column].item()


def test_fields_are_maps_of_one_shape_built_once(fields):
    for item in dataclass_fields(fields):
        value = getattr(fields, item.name)
        if isinstance(value, Tensor):
            channels = {"position": 3, "uv": 2}.get(item.name, 1)
            assert value.shape == (1, channels, 128, 128), item.name
            assert value.dtype == torch.float32
            assert torch.isfinite(value).all(), item.name
    assert brush_fields(128) is fields


def test_every_brush_is_the_same_on_both_halves(fields):
    inside = fields.inside.bool()
    for item in dataclass_fields(fields):
        value = getattr(fields, item.name)
        if isinstance(value, Tensor) and item.name not in ("side", "uv"):
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


def test_signed_distances_are_positive_inside(fields):
    assert at(fields.lip_edge, 17) == pytest.approx(0, abs=0.12)
    assert at(fields.lip_edge, 15) > 0.2  # middle of the lower lip
    assert at(fields.lip_edge, 152) < -1
    assert at(fields.brow_edge, 282) > -0.2
    assert at(fields.brow_edge, 280) < -2
    assert at(fields.brow_along, 285) < 0.4 < 0.7 < at(fields.brow_along, 276)


def test_a_cut_is_a_view_of_every_map(fields):
    part = fields.crop((slice(10, 40), slice(20, 90)))
    assert part.lips.shape == (1, 1, 30, 70)
    assert part.position.shape == (1, 3, 30, 70)
    assert part.lash.data_ptr() == fields.lash[..., 10:40, 20:90].data_ptr()
    assert part.eye_width == fields.eye_width


def test_zones_hold_what_they_are_named_after(fields):
    places = atlas_zones(128)
    for name, mask in (("lips", fields.lips > 0), ("brows", fields.brows > 0.3),
                       ("face", fields.paintable > 0), ("eyes", fields.sclera > 0)):  # fmt: skip
        outside = mask.clone()
        outside[(..., *places[name])] = False
        assert not outside.any(), name
    rows, columns = places["lips"]
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 0.25 * 128**2


def test_flakes_are_few_bright_and_the_same_at_each_fineness():
    fine, coarse = flakes(512), flakes(128)
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(fine, 4), coarse, atol=1e-5, rtol=0)
    assert torch.equal(flakes(512), fine)
    assert (fine > 0.25).float().mean() < 0.1
    assert fine.max() > 0.6


@given(st.floats(-5, 5), st.floats(0.1, 5))
def test_smoothstep_rises_from_zero_to_one(low, width):
    x = torch.linspace(low - 1, low + width + 1, 50)
    y = smoothstep(x, low, low + width)
    assert (y.diff() >= -1e-6).all()
    assert y[0] == 0
    assert y[-1] == 1
