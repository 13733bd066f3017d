"""Pigment: the limits of Kubelka and Munk, and coats that fold exactly into one affine map."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics.pigment import (
    MAX_GAIN,
    Coats,
    hiding,
    kubelka_munk,
    luminance,
    to_linear,
    to_srgb,
)

reflectances = st.floats(0.02, 0.95)
seeds = st.integers(0, 2**31)


@given(reflectances, st.floats(0.02, 0.9))
def test_no_thickness_shows_the_substrate(below, masstone):
    out = kubelka_munk(torch.tensor(below), torch.tensor(masstone), 0.0)
    assert out.item() == pytest.approx(below, abs=0.012)


@given(reflectances, reflectances)
def test_great_thickness_shows_the_masstone(below, masstone):
    out = kubelka_munk(torch.tensor(below), torch.tensor(masstone), 1e4)
    assert out.item() == pytest.approx(masstone, abs=1e-3)


@given(reflectances, reflectances)
def test_more_pigment_goes_straight_from_one_to_the_other(below, masstone):
    thickness = torch.linspace(0, 8, 60)
    out = kubelka_munk(torch.tensor(below), torch.tensor(masstone), thickness)
    steps = out.diff() * (1 if masstone > below else -1)
    assert steps.min() > -2e-5
    low, high = sorted((below, masstone))
    assert out.min() >= low - 0.02
    assert out.max() <= high + 0.02


@given(st.floats(0.3, 0.95), st.floats(0.0, 1.0))
def test_a_dark_pigment_lets_through_what_its_coverage_leaves(below, coverage):
    out = kubelka_munk(torch.tensor(below), torch.tensor(0.004), hiding(torch.tensor(coverage)))
    assert out.item() == pytest.approx(below * (1 - coverage), abs=0.03)


def test_black_and_white_pigments_do_not_break():
    below, thickness = torch.linspace(0, 1, 11), torch.tensor(2.0)
    for masstone in (0.0, 1.0):
        out = kubelka_munk(below, torch.tensor(masstone), thickness)
        assert torch.isfinite(out).all()
        assert 0 <= out.min() <= out.max() <= 1


def random_coats(seed, count):
    generator = torch.Generator().manual_seed(seed)
    bare = 0.05 + 0.8 * torch.rand(2, 3, 5, 4, generator=generator)
    coats = Coats.bare(bare)
    for _ in range(count):
        alpha = torch.rand(2, 1, 5, 4, generator=generator)
        color = torch.rand(1, 3, 1, 1, generator=generator)
        coats = coats.coat(alpha, color, hiding(torch.rand(2, 1, 1, 1, generator=generator)), 0.8)
        coats = coats.shine(0.1 * torch.rand(2, 1, 5, 4, generator=generator))
    return bare, coats


@settings(deadline=None)
@given(seeds, st.integers(1, 4))
def test_the_map_shows_the_painted_colour_where_the_skin_has_no_detail(seed, count):
    bare, coats = random_coats(seed, count)
    light = torch.full_like(bare[:, :1], 0.7)
    worn = coats.affine(bare, light)(bare * light)
    torch.testing.assert_close(worn, coats.shown * light, atol=1e-5, rtol=1e-4)


@settings(deadline=None)
@given(seeds)
def test_nothing_painted_is_the_identity_to_the_bit(seed):
    bare, coats = random_coats(seed, 2)
    light = torch.full_like(bare, 0.7)
    for same in (Coats.bare(bare), Coats.bare(bare).coat(torch.zeros(1, 1, 5, 4), bare, 2.0, 0.5),
                 Coats.bare(bare).shine(torch.zeros(1, 1, 5, 4))):  # fmt: skip
        layer = same.affine(bare, light)
        assert torch.equal(layer.gain, torch.ones_like(bare))
        assert torch.equal(layer.offset, torch.zeros_like(bare))
    again = coats.coat(torch.zeros(2, 1, 5, 4), bare, 2.0, 0.5)
    assert torch.equal(again.shown, coats.shown)
    assert torch.equal(again.carried, coats.carried)


def test_a_box_is_pasted_and_nothing_else():
    _, coats = random_coats(1, 1)
    box = (slice(1, 3), slice(0, 2))
    part = coats.crop(box)
    assert part.shown.shape == (2, 3, 2, 2)
    changed = coats.pasted(box, Coats(part.shown + 1, part.carried + 2))
    inside = torch.zeros(5, 4, dtype=torch.bool)
    inside[box] = True
    assert torch.equal(changed.shown[..., inside], coats.shown[..., inside] + 1)
    assert torch.equal(changed.carried[..., inside], coats.carried[..., inside] + 2)
    assert torch.equal(changed.shown[..., ~inside], coats.shown[..., ~inside])
    assert not torch.equal(changed.shown, coats.shown)


def test_bright_pigment_on_black_does_not_blow_up():
    black = torch.full((1, 3, 4, 4), 0.012)
    ones = torch.ones(1, 1, 4, 4)
    layer = Coats.bare(black).coat(ones, torch.ones(1, 3, 1, 1), 3.0, 1.0).affine(black, ones)
    assert layer.gain.max() <= MAX_GAIN
    assert 0 <= layer.offset.min() <= layer.offset.max() <= 1
    assert (layer(black) > 0.5).all()


def test_matte_pigment_hides_pores_and_a_sheer_one_keeps_them():
    low = torch.full((1, 3, 8, 8), 0.4)
    pores = low * (1 + 0.1 * torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
    ones, color = torch.ones(1, 1, 8, 8), torch.full((1, 3, 1, 1), 0.2)

    def contrast(detail):
        layer = Coats.bare(low).coat(ones, color, 3.0, detail).affine(low, ones)
        worn = layer(pores)
        return (worn.std() / worn.mean()).item()

    bare = (pores.std() / pores.mean()).item()
    assert contrast(1.0) == pytest.approx(bare, rel=0.01)
    assert contrast(0.5) == pytest.approx(bare / 2, rel=0.05)
    assert contrast(0.0) == pytest.approx(0, abs=1e-6)


def test_light_taken_away_and_light_added():
    bare = torch.full((1, 3, 2, 2), 0.4)
    ones = torch.ones(1, 1, 2, 2)
    half = Coats.bare(bare).dimmed(0.5 * ones).affine(bare, ones)
    torch.testing.assert_close(half(bare), bare / 2)
    lit = Coats.bare(bare).shine(0.2 * ones).affine(bare, 0.5 * ones)
    torch.testing.assert_close(lit(bare * 0.5), bare * 0.5 + 0.1)


def test_coats_are_differentiable():
    bare = 0.2 + 0.5 * torch.rand(1, 3, 2, 2, dtype=torch.float64)
    alpha = torch.rand(1, 1, 2, 2, dtype=torch.float64)

    def shown(color, coverage):
        coats = Coats.bare(bare).coat(alpha, color, hiding(coverage), 0.8)
        return coats.pasted(
            (slice(0, 1), slice(0, 2)), coats.crop((slice(0, 1), slice(0, 2)))
        ).shown

    color = (0.1 + 0.7 * torch.rand(1, 3, 1, 1, dtype=torch.float64)).requires_grad_()
    coverage = torch.full((1, 1, 1, 1), 0.6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(shown, (color, coverage))


def test_the_transfer_curve_is_exact_and_undone():
    levels = torch.arange(256) / 255
    torch.testing.assert_close(to_srgb(to_linear(levels)), levels, atol=1e-5, rtol=0)
    known = to_linear(torch.tensor([0.0, 0.04045, 0.5, 1.0], dtype=torch.float64))
    wanted = torch.tensor([0.0, 0.0031308, 0.2140411, 1.0], dtype=torch.float64)
    torch.testing.assert_close(known, wanted, atol=1e-6, rtol=0)
    assert to_srgb(torch.tensor([-1.0, 2.0])).tolist() == pytest.approx([0.0, 1.0])


def test_luminance_weighs_green_most():
    white = torch.ones(2, 3, 1, 1)
    torch.testing.assert_close(luminance(white), torch.ones(2, 1, 1, 1))
    r, g, b = (luminance(torch.eye(3)[i][None, :, None, None]).item() for i in range(3))
    assert g > r > b > 0
