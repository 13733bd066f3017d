"""Pigment: the limits of Kubelka and Munk, and layers that fold exactly into one affine map."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics.pigment import (
    Affine,
    kubelka_munk,
    luminance,
    pigment,
    to_linear,
    to_srgb,
)

reflectances = st.floats(0.02, 0.95)
seeds = st.integers(0, 2**31)


def random_maps(seed, count):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 3, 5, 4)
    return [
        (
            torch.rand(2, 1, 5, 4, generator=generator),
            2 * torch.rand(shape, generator=generator),
            torch.rand(shape, generator=generator) - 0.3,
        )
        for _ in range(count)
    ]


@given(reflectances, st.floats(0.02, 0.9))
def test_no_thickness_shows_the_substrate(below, masstone):
    # Within a level or two: the layer is kept a little thicker than nothing, so as not to divide
    # by zero. No cosmetic is that thin.
    out = kubelka_munk(torch.tensor(below), torch.tensor(masstone), torch.tensor(0.0))
    assert out.item() == pytest.approx(below, abs=0.011)


@given(reflectances, reflectances)
def test_great_thickness_shows_the_masstone(below, masstone):
    out = kubelka_munk(torch.tensor(below), torch.tensor(masstone), torch.tensor(1e4))
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


def test_black_and_white_pigments_do_not_break():
    below, thickness = torch.linspace(0, 1, 11), torch.tensor(2.0)
    for masstone in (0.0, 1.0):
        out = kubelka_munk(below, torch.tensor(masstone), thickness)
        assert torch.isfinite(out).all()
        assert 0 <= out.min() <= out.max() <= 1


@settings(deadline=None)
@given(seeds, st.integers(1, 5))
def test_folded_layers_equal_layers_put_on_one_by_one(seed, count):
    light = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(seed))
    layer, worn = Affine.identity_like(light), light
    for alpha, gain, offset in random_maps(seed, count):
        layer = layer.then(alpha, gain, offset)
        worn = worn * (1 - alpha) + alpha * (gain * worn + offset)
    torch.testing.assert_close(layer(light), worn, atol=1e-5, rtol=1e-5)


@settings(deadline=None)
@given(seeds)
def test_opacity_zero_and_the_identity_change_nothing_at_all(seed):
    (alpha, gain, offset), (_, other, _) = random_maps(seed, 2)
    layer = Affine.identity_like(gain).then(alpha, gain, offset)
    for same in (layer.then(torch.zeros_like(alpha), other, offset),
                 layer.then(alpha, torch.ones_like(other), torch.zeros_like(offset))):  # fmt: skip
        torch.testing.assert_close(same.packed(), layer.packed(), atol=1e-6, rtol=0)
    assert torch.equal(Affine.identity_like(gain)(offset), offset)
    none = layer.then(torch.zeros_like(alpha), other, offset)
    assert torch.equal(none.packed(), layer.packed())


def test_a_box_is_replaced_and_nothing_else():
    image = torch.rand(1, 3, 6, 6)
    part = Affine(torch.full((1, 3, 2, 3), 2.0), torch.full((1, 3, 2, 3), 0.5))
    box = (slice(None), slice(None), slice(1, 3), slice(2, 5))
    layer = Affine.identity_like(image)
    changed = layer.replaced(box, part)
    assert torch.equal(changed(image)[box], 2 * image[box] + 0.5)
    outside = torch.ones(6, 6, dtype=torch.bool)
    outside[1:3, 2:5] = False
    assert torch.equal(changed(image)[..., outside], image[..., outside])
    assert torch.equal(layer(image), image)
    assert changed.packed().shape == (1, 6, 6, 6)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0.05, 4), seeds)
def test_pigment_gives_the_skin_colour_of_the_layer_whatever_its_detail(detail, thick, seed):
    generator = torch.Generator().manual_seed(seed)
    low = 0.35 + 0.4 * torch.rand(1, 3, 4, 4, generator=generator)
    light = torch.full_like(low, 1.2)
    color = torch.rand(1, 3, 1, 1, generator=generator)
    below = Affine(torch.full_like(low, 0.8), torch.full_like(low, 0.05))
    gain, offset = pigment(below, low, light, color, thick, detail)
    shown = kubelka_munk(below(low) / 1.2, color, torch.tensor(thick)) * 1.2
    torch.testing.assert_close(gain * below(low) + offset, shown, atol=1e-5, rtol=1e-4)
    assert gain.min() >= 0


def test_bright_pigment_on_black_does_not_blow_up():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 1, 1)
    gain, offset = pigment(Affine.identity_like(black), black, black + 1, white, 4.0, 0.7)
    assert gain.max() <= 4
    assert 0 <= offset.min() <= offset.max() <= 1


def test_matte_pigment_hides_pores_and_a_sheer_one_keeps_them():
    low = torch.full((1, 3, 8, 8), 0.4)
    pores = low * (1 + 0.1 * torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
    identity, color = Affine.identity_like(low), torch.full((1, 3, 1, 1), 0.2)

    def contrast(detail):
        gain, offset = pigment(identity, low, torch.ones_like(low), color, 3.0, detail)
        worn = gain * pores + offset
        return (worn.std() / worn.mean()).item()

    bare = (pores.std() / pores.mean()).item()
    assert contrast(1.0) == pytest.approx(bare, rel=0.01)
    assert contrast(0.5) == pytest.approx(bare / 2, rel=0.05)
    assert contrast(0.0) == pytest.approx(0, abs=1e-6)


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
