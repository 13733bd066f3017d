"""Cameras, light and turned heads: what they may change and what they must leave."""

import math
from dataclasses import replace

import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import Affine, to_linear, to_srgb
from tryon.train import disturb
from tryon.train.disturb import (
    complete_by_symmetry,
    degraded,
    poorly_lit,
    quick_srgb,
    reflected,
    relit,
    smeared,
    turned,
    veiled,
)
from tryon.train.variety import CALM, DataConfig

SIZE = 64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=16):
    texture = torch.rand(count, 4, SIZE, SIZE, generator=generator(1))
    texture[:, 3] = 1.0
    return texture * brush_fields(SIZE).inside


def test_the_quick_curve_is_near_the_exact_one():
    light = torch.linspace(0, 1, 2000)
    error = (quick_srgb(light) - to_srgb(light)).abs()
    assert error.max() < 0.011
    assert error[light > 0.01].max() < 0.004


def test_symmetry_fills_only_what_is_hidden():
    generator = torch.Generator().manual_seed(2)
    reference = torch.rand(2, 4, 8, 8, generator=generator)
    reference[:, 3] = 1.0
    assert torch.equal(complete_by_symmetry(reference), reference)
    hidden = reference.clone()
    hidden[:, :3, :, :4], hidden[:, 3, :, :4] = 0.0, 0.0
    filled = complete_by_symmetry(hidden)
    torch.testing.assert_close(filled[..., 4:], hidden[..., 4:])
    torch.testing.assert_close(filled[..., :4], hidden[..., 4:].flip(-1))
    nothing = torch.zeros_like(hidden)
    assert torch.equal(complete_by_symmetry(nothing), nothing)


def test_a_calm_camera_changes_nothing():
    before = pictures()
    lit, lamp = relit(before[:, :3] * 0.7, CALM, generator())
    torch.testing.assert_close(lit, before[:, :3] * 0.7)
    assert (lamp == 1).all()
    assert torch.equal(turned(before, CALM, generator()), before)
    torch.testing.assert_close(degraded(before, CALM, generator()), before)


def test_light_stays_in_range_and_keeps_its_colour():
    lit, lamp = relit(pictures()[:, :3], DataConfig(exposure=2, white_balance=0.3), generator())
    assert 0 <= lit.min() <= lit.max() <= 1
    assert lamp.shape == (16, 3, 1, 1)
    grey = torch.full((16, 3, SIZE, SIZE), 0.2)
    lit, lamp = relit(grey, replace(CALM, white_balance=0.3), generator())
    torch.testing.assert_close(lit, grey * lamp)


def test_a_turned_head_hides_one_side_and_leaves_the_other():
    before = pictures()
    after = turned(before, replace(CALM, turned=1.0), generator())
    for one, bare in zip(after, before, strict=True):
        halves = [one[3, :, :20].sum(), one[3, :, -20:].sum()]
        hidden, seen = sorted(range(2), key=lambda k: halves[k])
        assert halves[hidden] < 0.95 * halves[seen]
        kept = slice(0, 20) if seen == 0 else slice(-20, None)
        assert torch.equal(one[..., kept], bare[..., kept])
    some = turned(before, replace(CALM, turned=0.5), generator())
    unturned = sum(torch.equal(a, b) for a, b in zip(some, before, strict=True))
    assert 2 <= unturned <= 14


def test_a_poor_camera_leaves_visibility_and_what_is_outside():
    before = pictures()
    after = degraded(before, replace(CALM, noise=0.2, blur=4), generator())
    assert torch.equal(after[:, 3], before[:, 3])
    assert not (after[:, :3] * (brush_fields(SIZE).inside == 0)).any()
    assert (after[:, :3] - before[:, :3]).abs().max() > 0.05


def test_behind_a_veil_makeup_is_veiled_with_the_face(monkeypatch):
    monkeypatch.setattr(disturb, "PALE", 0.0)
    config = replace(CALM, veiled=1.0)
    bare = pictures(4)
    bare[:, :3] *= 0.8
    layer = 0.2 + 0.6 * torch.rand(4, 6, SIZE, SIZE, generator=generator(2))
    layer[:, 3:] *= 0.2
    worn = bare.clone()
    worn[:, :3] = to_srgb(layer[:, :3] * to_linear(bare[:, :3]) + layer[:, 3:])
    seen, seen_layer = veiled(bare, layer, config, generator(3))
    wanted, _ = veiled(worn, layer, config, generator(3))
    light = seen_layer[:, :3] * to_linear(seen[:, :3]) + seen_layer[:, 3:]
    inside = brush_fields(SIZE).inside.expand(4, 3, -1, -1) > 0
    torch.testing.assert_close(to_srgb(light)[inside], wanted[:, :3][inside], atol=1e-3, rtol=0)
    assert (seen[:, :3] - bare[:, :3]).abs().mean() > 0.02


def test_a_coloured_lamp_reaches_one_side_of_some_faces():
    bare = pictures(64)
    seen = reflected(bare, replace(CALM, reflected=0.4), generator(6))
    assert torch.equal(seen[:, 3:], bare[:, 3:])
    changed = (seen != bare).any(1)
    lit = changed.flatten(1).any(1)
    assert 0.2 < lit.float().mean() < 0.6
    share = changed[lit].flatten(1).float().sum(1) / brush_fields(SIZE).inside.sum()
    assert 0.01 < share.min()
    assert share.max() < 0.6
    middle = slice(SIZE * 7 // 16, SIZE * 9 // 16)
    assert torch.equal(seen[..., middle, middle], bare[..., middle, middle])
    ratio = (seen[:, :3] / bare[:, :3].clamp_min(1e-3))[lit][
        changed[lit][:, None].expand(-1, 3, -1, -1)
    ]
    assert ratio.std() > 0.05
    assert reflected(bare, CALM, generator(6)) is bare


def test_a_veil_leaves_no_makeup_alone_takes_colour_and_is_seldom():
    bare = pictures(64)
    none = Affine.identity_like(bare[:, :3]).packed()
    seen, layer = veiled(bare, none, replace(CALM, veiled=0.3), generator(4))
    torch.testing.assert_close(layer, none)
    assert torch.equal(seen[:, 3:], bare[:, 3:])
    changed = (seen != bare).flatten(1).any(1)
    assert 0.1 < changed.float().mean() < 0.5
    colour = (bare[changed, :3].std(1).mean(), seen[changed, :3].std(1).mean())
    assert colour[1] < 0.8 * colour[0]
    untouched, same = veiled(bare, none, CALM, generator(4))
    assert untouched is bare
    assert same is none


def test_in_poor_light_makeup_changes_with_the_face():
    bare = pictures(64)
    layer = 0.2 + 0.6 * torch.rand(64, 6, SIZE, SIZE, generator=generator(2))
    layer[:, 3:] *= 0.2
    made_up = to_srgb(layer[:, :3] * to_linear(bare[:, :3]) + layer[:, 3:])
    worn = torch.cat([made_up, bare[:, 3:]], 1)
    seen, left = poorly_lit(bare, 0.5, generator(3))
    wanted, _ = poorly_lit(worn, 0.5, generator(3))
    light = layer[:, :3] * to_linear(seen[:, :3]) + left * layer[:, 3:]
    torch.testing.assert_close(to_srgb(light), wanted[:, :3], atol=1e-3, rtol=0)
    assert torch.equal(seen[:, 3:], bare[:, 3:])
    chosen = (seen != bare).flatten(1).any(1)
    assert torch.equal(chosen, left.flatten(1).amin(1) < 1)
    assert 0.3 < chosen.float().mean() < 0.7
    assert math.exp(-1) / 8 <= left.min() < 0.2
    assert left.max() <= 1
    warmth = torch.log(left[chosen, 0] / left[chosen, 2])
    assert warmth.min() < -0.4 < 0.4 < warmth.max()
    assert poorly_lit(bare, 0.0, generator(3))[0] is bare


def test_smeared_colour_keeps_the_brightness_and_is_flat():
    bare = pictures(64)
    seen = smeared(bare, 0.5, generator(5))
    assert torch.equal(seen[:, 3:], bare[:, 3:])
    inside = brush_fields(SIZE).inside[0, 0] > 0
    chosen = (seen != bare).flatten(1).any(1)
    assert 0.3 < chosen.float().mean() < 0.7
    before, after = bare[chosen, :3], seen[chosen, :3]
    free = ((after > 0) & (after < 1)).all(1) & inside
    torch.testing.assert_close(after.mean(1)[free], before.mean(1)[free])
    colours = [(p - p.mean(1, keepdim=True))[..., inside].std() for p in (before, after)]
    assert colours[1] < 0.5 * colours[0]
    assert smeared(bare, 0.0, generator(5)) is bare
