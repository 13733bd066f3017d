"""The painter: exact where it paints nothing, tidy where it paints, true to the swatch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.cosmetics.conftest import DARK, LIGHT, MEDIUM
from tryon.cosmetics import style as styles
from tryon.cosmetics.batch import FINISH
from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.paint_eyes import LAYOUT
from tryon.cosmetics.painter import STEPS, StyleBatch, paint
from tryon.cosmetics.pigment import Affine, luminance, to_srgb
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import FINISHES, LAYERS, LAYOUTS, MakeupStyle
from tryon.cosmetics.substrate import Substrate
from tryon.face.regions import region_masks
from tryon.types import REGIONS

# Each layer alone, with everything it has switched on, and the regions it belongs to.
SKIN = ("skin", "cheeks", "nose")
SINGLE = {
    "foundation": (styles.Foundation(0.8, 0.5, 0.05, 0.5), (*SKIN, "eyes"), 0.03),
    "concealer": (styles.Concealer(0.9), (*SKIN, "eyes"), 0.05),
    "contour": (styles.Contour(0.8, jaw=1.0, nose=1.0, forehead=1.0), SKIN, 0.06),
    "blush": (styles.Blush(0.9, nose=0.5, draping=0.5), SKIN, 0.08),
    "freckles": (styles.Freckles(1.0, count=1.0, size=1.0), (*SKIN, "eyes"), 0.1),
    "eyeshadow": (
        styles.Eyeshadow(0.9, crease_opacity=0.7, outer_opacity=0.7, inner_opacity=0.7,
                         lower_opacity=0.7, wing=0.5, height=0.8, finish="shimmer"),
        ("eyes",), 0.03,
    ),
    "liner": (styles.Liner(1.0, thickness=0.6, wing=0.6, lower=0.6, smudge=0.3), ("eyes",), 0.03),
    "lashes": (styles.Lashes(1.0, length=0.8), ("eyes",), 0.03),
    "brows": (styles.Brows(0.9, strokes=0.5), ("brows",), 0.15),
    "highlight": (styles.Highlight(0.9), SKIN, 0.05),
    "lips": (styles.Lips(0.9, liner=0.6, ombre=0.3, blur=0.3, finish="gloss"), ("lips",), 0.01),
    "paint": (styles.FreePaint(1.0), REGIONS, 0.0),
    "decals": (styles.Decals(1.0, kind="stars", size=1.0), REGIONS, 0.0),
}  # fmt: skip


def wear(face, *worn):
    return paint(face, StyleBatch([MakeupStyle(**kwargs) for kwargs in worn]))


def change(face, layer):
    """(B, A, A) how much a layer changes the picture, sRGB."""
    return (to_srgb(layer(face.linear)) - to_srgb(face.linear)).abs().sum(1)


def is_identity(layer):
    gain, offset = layer.gain, layer.offset
    return torch.equal(gain, torch.ones_like(gain)) and torch.equal(
        offset, torch.zeros_like(offset)
    )


def part(face, order):
    """Some faces of a batch, in another order."""
    names = ("linear", "low", "illuminant", "tone")
    return Substrate(**{n: getattr(face, n)[order] for n in names}, skin=face.skin)


def test_every_layer_has_a_step_and_every_word_its_meaning():
    assert [name for name, _, _ in STEPS] == list(LAYERS)
    assert set(SINGLE) == set(LAYERS)
    assert set(FINISH) == set(FINISHES)
    assert set(LAYOUT) == set(LAYOUTS)


def test_an_empty_style_is_the_exact_identity(faces):
    assert is_identity(wear(faces, {}, {}, {}))


@pytest.mark.parametrize("name", SINGLE)
def test_opacity_zero_is_the_exact_identity_beside_somebody_who_wears_it(faces, name):
    full = SINGLE[name][0]
    off = replace(full, opacity=0.0)
    layer = wear(faces, {name: off}, {name: full}, {name: off})
    assert is_identity(Affine(layer.gain[::2], layer.offset[::2]))
    assert not is_identity(Affine(layer.gain[1:2], layer.offset[1:2]))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_style_paints_outside_the_paintable_area(faces, fields, seed):
    sampler = StyleSampler(seed)
    layer = paint(faces, StyleBatch([sampler() for _ in range(3)]))
    identity = Affine.identity_like(faces.linear).packed()
    outside = (fields.paintable == 0).expand_as(identity)
    assert torch.equal(layer.packed()[outside], identity[outside])
    assert torch.isfinite(layer.packed()).all()
    assert layer.gain.min() >= 0


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "brows"])
def test_nothing_but_brows_is_painted_over_what_is_no_skin(bare, name):
    face = bare(MEDIUM)
    hidden = replace(face, skin=torch.zeros_like(face.skin))
    assert is_identity(wear(hidden, {name: SINGLE[name][0]}))


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_layer_keeps_to_its_regions_and_shows_on_every_skin(faces, name):
    layer, regions, leak = SINGLE[name]
    changed = change(faces, wear(faces, *[{name: layer}] * 3))
    own = sum(torch.as_tensor(region_masks(128).of(region)) for region in regions)
    for one in changed:
        assert one.max() > 0.02
        assert (one * (1 - own)).sum() <= leak * one.sum() + 1e-3


def test_both_halves_of_the_face_are_painted_alike(bare):
    face = bare(MEDIUM)
    names = ("linear", "low", "illuminant", "skin")
    even = replace(face, **{n: (getattr(face, n) + getattr(face, n).flip(-1)) / 2 for n in names})
    for name, (single, _, _) in SINGLE.items():
        if name == "freckles":  # they fall where they like
            continue
        changed = change(even, wear(even, {name: single}))
        assert (changed - changed.flip(-1)).abs().max() < 0.03, name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_painting_is_repeatable_and_the_order_of_the_batch_does_not_matter(faces, seed):
    sampler = StyleSampler(seed)
    worn = [sampler() for _ in range(3)]
    once, again = (paint(faces, StyleBatch(worn)).packed() for _ in range(2))
    assert torch.equal(once, again)
    order = [2, 0, 1]
    other = paint(part(faces, order), StyleBatch([worn[i] for i in order])).packed()
    torch.testing.assert_close(other, once[order], atol=1e-5, rtol=0)
    for index in range(3):
        alone = paint(part(faces, [index]), StyleBatch([worn[index]])).packed()
        torch.testing.assert_close(alone, once[index : index + 1], atol=2e-5, rtol=0)


def test_one_style_serves_all_faces(faces):
    style = StyleSampler(7)()
    one = paint(faces, StyleBatch([style])).packed()
    each = paint(faces, StyleBatch([style] * 3)).packed()
    torch.testing.assert_close(one, each, atol=1e-6, rtol=0)


def lip_colour(face, layer, fields, index):
    """Mean linear RGB of the painted lips away from their edges."""
    core = (fields.lips > 0.99) & (fields.lip_depth > 0.3) & (fields.lip_depth < 0.8)
    return layer(face.linear)[index][:, core[0, 0]].mean(1)


def lab(linear):
    return rgb2lab(to_srgb(linear).numpy()[None, None])[0, 0]


def lab_of(swatch):
    return rgb2lab(np.array([[[int(swatch[i : i + 2], 16) / 255 for i in (1, 3, 5)]]]))[0, 0]


TONES = ((250, 226, 212), LIGHT, (214, 172, 146), MEDIUM, (148, 100, 74), DARK, (66, 42, 34))


@pytest.mark.parametrize("swatch", ["#a5122a", "#c1917c", "#582448", "#ec6a56", "#2a1a16"])
def test_a_matte_swatch_reads_as_one_colour_on_every_skin(bare, fields, swatch):
    face = bare(*TONES)
    lips = styles.Lips(opacity=1.0, color=swatch, finish="matte")
    layer = paint(face, StyleBatch([MakeupStyle(lips=lips)]))
    core = fields.lips > 0.99
    light = [face.illuminant[i][core[0]].mean() for i in range(len(TONES))]
    under_light = [lab(lip_colour(face, layer, fields, i) / light[i]) for i in range(len(TONES))]
    gaps = [deltaE_ciede2000(c, lab_of(swatch)) for c in under_light]
    assert max(gaps) < 3.0
    assert max(gaps) - min(gaps) < 1.0


def test_a_sheer_tint_shows_the_lips_below(bare, fields):
    face = bare(LIGHT, DARK)
    sheer, matte = (
        [lab(lip_colour(face, layer, fields, i)) for i in range(2)]
        for layer in (
            wear(face, *[{"lips": styles.Lips(1.0, "#a5122a", finish)}] * 2)
            for finish in ("sheer", "matte")
        )
    )
    assert deltaE_ciede2000(*sheer) > 8.0
    assert deltaE_ciede2000(*sheer) > 2 * deltaE_ciede2000(*matte)


def test_more_coverage_brings_lips_nearer_to_the_swatch(bare, fields):
    face, gaps = bare(LIGHT), []
    for opacity in (0.05, 0.3, 0.6, 1.0):
        layer = wear(face, {"lips": styles.Lips(opacity, "#a5122a", "matte")})
        gaps.append(deltaE_ciede2000(lab(lip_colour(face, layer, fields, 0)), lab_of("#a5122a")))
    assert (np.diff(gaps) < 0).all()


def test_texture_is_kept_under_matte_foundation(faces, fields):
    style = MakeupStyle(foundation=styles.Foundation(0.5, matte=0.5, finish="matte"))
    worn = paint(faces, StyleBatch([style]))(faces.linear)
    where = (fields.face > 0.9)[0, 0]
    for before, after in zip(luminance(faces.linear)[:, 0], luminance(worn)[:, 0], strict=True):
        slopes = [np.concatenate([np.diff(y, axis=0)[:, :-1][where[1:, :-1]],
                                  np.diff(y, axis=1)[:-1][where[:-1, 1:]]])
                  for y in (before.numpy(), after.numpy())]  # fmt: skip
        assert np.corrcoef(*slopes)[0, 1] > 0.9


def test_foundation_evens_out_redness_towards_the_wearer_s_own_tone(bare, fields):
    face = bare(MEDIUM)
    red = ((fields.position - torch.tensor([4.0, -1.0, 4.0])[None, :, None, None]) ** 2).sum(1) < 2
    factor = torch.where(red[:, None], torch.tensor([1.1, 0.7, 0.7])[None, :, None, None], 1.0)
    blotched = replace(face, linear=face.linear * factor, low=face.low * factor)
    worn = wear(blotched, {"foundation": styles.Foundation(0.9)})(blotched.linear)
    skin = (fields.face > 0.9) & red[:, None]

    def redness(linear):
        return (linear[:, 0] / linear[:, 1])[skin[:, 0]].mean()

    assert redness(worn) < 0.8 * redness(blotched.linear)


def test_gloss_shines_and_matte_does_not_and_glitter_sparkles(bare, fields):
    face, lips = bare(MEDIUM), (fields.lips > 0.9)[0, 0]

    def light(finish):
        layer = wear(face, {"lips": styles.Lips(0.8, "#802030", finish)})
        return luminance(layer(face.linear))[0, 0][lips]

    assert light("gloss").quantile(0.99) > light("satin").quantile(0.99)
    assert light("satin").quantile(0.99) > light("matte").quantile(0.99)
    assert light("glitter").std() > 1.5 * light("matte").std()


def test_sparkle_stays_on_its_place_of_the_face(bare, fields):
    face = bare(MEDIUM)
    brighter = replace(face, linear=face.linear * 1.2, low=face.low * 1.2)
    glitter = {"eyeshadow": styles.Eyeshadow(1.0, "#c0a0e0", finish="glitter", height=0.8)}
    first, second = (change(f, wear(f, glitter)) for f in (face, brighter))
    lid = (fields.along > 0.2) & (fields.along < 0.8) & (fields.lid < 0.4) & (fields.above > 0.9)
    a, b = (x[lid[0] & (fields.inside[0] > 0)].numpy() for x in (first, second))
    assert np.corrcoef(a, b)[0, 1] > 0.95


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_a_look_of_its_own(bare, layout):
    face = bare(MEDIUM)
    shadow = styles.Eyeshadow(0.9, "#3060c0", crease="#101840", crease_opacity=0.6, height=0.6)
    plain = wear(face, {"eyeshadow": replace(shadow, layout="wash")}).packed()
    other = wear(face, {"eyeshadow": replace(shadow, layout=layout)}).packed()
    assert ((plain - other).abs().max() > 0.1) == (layout != "wash")


def test_overlining_paints_beyond_the_contour_and_underlining_less(bare):
    fields, face = brush_fields(128), bare(MEDIUM)
    sums = [
        change(face, wear(face, {"lips": styles.Lips(1.0, "#600020", "matte", overline=v)}))
        for v in (-1.0, 0.0, 1.0)
    ]
    assert sums[0].sum() < sums[1].sum() < sums[2].sum()
    beyond = (fields.lip_edge[0] < -0.06) & (fields.lip_edge[0] > -0.14)
    assert sums[2][beyond].mean() > 5 * sums[1][beyond].mean()


def test_the_layer_is_differentiable_in_colour_and_coverage(bare, fields):
    face = bare(MEDIUM)
    batch = StyleBatch([MakeupStyle(lips=styles.Lips(0.6, "#a05060", "gloss"))])
    color = batch("lips", "color").clone().requires_grad_()
    opacity = batch("lips", "opacity").clone().requires_grad_()
    batch.put("lips", "color", color)
    batch.put("lips", "opacity", opacity)
    worn = paint(face, batch)(face.linear)
    goal = torch.tensor([0.6, 0.02, 0.05])[None, :, None, None]
    ((worn - goal)[:, :, fields.lips[0, 0] > 0.9] ** 2).mean().backward()
    for value in (color, opacity):
        assert torch.isfinite(value.grad).all()
        assert (value.grad.abs() > 1e-5).all()
    assert color.grad.flatten()[0] < 0 < color.grad.flatten()[1]


def test_words_and_numbers_of_a_batch():
    batch = StyleBatch(
        [
            MakeupStyle(),
            MakeupStyle(lips=styles.Lips(0.5, "#ff0000", finish="gloss", second="#00ff00")),
        ]
    )
    assert len(batch) == 2
    assert batch("lips", "color").shape == (2, 3, 1, 1)
    assert batch("lips", "color")[1].flatten().tolist() == pytest.approx([1, 0, 0])
    assert batch("lips", "opacity").flatten().tolist() == [0.0, 0.5]
    assert batch.table("lips", "finish", {"gloss": 2.0}).flatten().tolist() == [0.0, 2.0]
    assert batch.finish("lips", "gloss").flatten().tolist() == pytest.approx([0.2, 1.0])
    second = batch.colour("lips", "second", torch.full((1, 3, 1, 1), 0.3))
    assert second[0].flatten().tolist() == pytest.approx([0.3] * 3)
    assert second[1].flatten().tolist() == pytest.approx([0, 1, 0])
    assert batch.used("lips")
    assert not batch.used("blush")
