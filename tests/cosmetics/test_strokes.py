"""Strokes lie along their lines, grow with their numbers, and stay what they are at any size."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.strokes import (
    TABLE,
    brow_hairs,
    free_shapes,
    lashes,
    nearest_dot,
    spot,
    sticker,
    winged_line,
)
from tryon.cosmetics.style import DECALS


def number(value):
    return torch.tensor(float(value))[None, None, None, None]


def numbers(seed=0):
    return torch.rand(1, 3, TABLE, generator=torch.Generator().manual_seed(seed))


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
    thin, thick = (
        winged_line(fields, number(t), number(0), number(0.5), number(0.05)) for t in (0.1, 0.4)
    )
    winged = winged_line(fields, number(0.4), number(0.5), number(0.5), number(0.05))
    assert thin.max() > 0.8
    assert (thick >= thin - 1e-6).all()
    assert (winged >= thick).all()
    past = fields.along > 1.1
    assert thick[past].max() < 0.01
    assert winged[past].sum() > 5
    rising = past & (winged > 0.5)
    assert fields.across[rising].min() > -0.12  # upwards and outwards
    assert fields.across[rising].max() > 0.4


def test_a_wing_with_more_lift_is_steeper(fields):
    def height(lift):
        wing = winged_line(fields, number(0.3), number(0.5), number(lift), number(0.05))
        past = wing * (fields.along > 1.1)
        assert past.sum() > 5
        return float((past * fields.across).sum() / past.sum())

    level, usual, steep = map(height, (0.0, 0.5, 1.0))
    assert level + 0.1 < usual < steep - 0.1


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


def test_lashes_grow_outwards_from_the_lash_line(fields):
    short, long_ = (
        lashes(fields, numbers(), number(v), number(0.5), number(0.5), number(0.5))
        for v in (0.1, 1.0)
    )
    assert long_.sum() > 1.3 * short.sum()
    assert 0 <= short.min() <= long_.max() <= 1
    far = (fields.lash > 1.3) & (fields.lower_lash > 0.8)
    assert not long_[far].any()
    upper = lashes(fields, numbers(), number(0.5), number(0.5), number(0.5), number(0))
    assert upper[fields.above < 0.01].max() == 0
    denser = lashes(fields, numbers(), number(0.5), number(1.0), number(0.5), number(0))
    assert denser.sum() > upper.sum()


def test_hairs_differ_by_seed_and_repeat():
    fields = brush_fields(256)
    draw = [lashes(fields, numbers(s), *[number(0.6)] * 4) for s in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert (draw[0] - draw[2]).abs().max() > 0.3
    brow = brow_hairs(fields, numbers())
    on = fields.brow_edge > 0.05
    assert 0.1 < brow[on].mean() < 0.8
    assert brow[on].std() > 0.1  # single hairs, not a wash


def test_the_nearest_point_is_found_on_its_own_half(fields):
    centres = torch.tensor([[4.0, 0.0, 3.0], [-4.0, 0.0, 3.0], [0.0, -6.0, 3.0]])
    offset, distance, index = nearest_dot(fields, centres)
    torch.testing.assert_close(offset.norm(dim=1, keepdim=True), distance)
    inside = fields.inside[0, 0].bool()
    assert (fields.side[0, 0][inside & (index == 0)] > 0).all()
    assert (fields.side[0, 0][inside & (index == 1)] < 0).all()


@pytest.mark.parametrize("kind", DECALS)
def test_a_sticker_is_filled_in_the_middle_and_ends(kind):
    side = torch.linspace(-1, 1, 81)
    offset = torch.stack(
        [side.expand(81, 81), -side[:, None].expand(81, 81), 0 * side.expand(81, 81)]
    )
    distance = offset.norm(dim=0)[None, None]
    alpha = sticker(kind, offset[None], distance, number(0.5), 0.02)
    assert alpha[0, 0, 40, 40] == 1
    assert alpha[distance > 0.95].max() == 0
    area = alpha.sum() * (2 / 80) ** 2
    assert 0.2 < area < 1.1
    mirrored = (alpha - alpha.flip(-1)).abs().max()
    assert mirrored < 1e-4
