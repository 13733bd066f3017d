"""The painter: exact where it paints nothing, tidy where it paints, true to the swatch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from tryon.cosmetics import style as styles
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import Affine, luminance, to_srgb
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import MakeupStyle
from tryon.face.regions import region_masks
from tryon.types import REGIONS

LIGHT, MEDIUM, DARK = (238, 205, 185), (190, 140, 112), (98, 64, 50)

# Each layer alone, with everything it has switched on, and the regions it belongs to.
SINGLE = {
    "foundation": (
        styles.Foundation(0.8, 0.5, 0.05, 0.5), ("skin", "cheeks", "nose", "eyes"), 0.03,
    ),
    "contour": (styles.Contour(0.8, jaw=1.0, nose=1.0), ("skin", "cheeks", "nose"), 0.06),
    "blush": (styles.Blush(0.9, nose=0.5), ("cheeks", "nose", "skin"), 0.08),
    "eyeshadow": (
        styles.Eyeshadow(0.9, crease_opacity=0.7, outer_opacity=0.7, inner_opacity=0.7,
                         lower_opacity=0.7, wing=0.5, height=0.8, finish="shimmer"),
        ("eyes",), 0.03,
    ),
    "liner": (styles.Liner(1.0, thickness=0.6, wing=0.6, lower=0.6, smudge=0.3), ("eyes",), 0.03),
    "brows": (styles.Brows(0.9), ("brows",), 0.12),
    "highlight": (styles.Highlight(0.9), ("skin", "cheeks", "nose"), 0.05),
    "lips": (styles.Lips(0.9, liner=0.6, ombre=0.3, blur=0.3, finish="gloss"), ("lips",), 0.01),
    "paint": (styles.FreePaint(1.0), REGIONS, 0.0),
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


def part(face, index):
    """One face of a batch."""
    names = ("linear", "low", "low_lips", "illuminant")
    values = {name: getattr(face, name)[index : index + 1] for name in names}
    return type(face)(**values, skin=face.skin)


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


def test_only_lips_brows_and_liner_are_painted_over_what_is_no_skin(bare):
    face = bare(MEDIUM)
    hidden = type(face)(*(getattr(face, n) for n in ("linear", "low", "low_lips", "illuminant")),
                        skin=torch.zeros_like(face.skin))  # fmt: skip
    for name in ("foundation", "contour", "blush", "eyeshadow", "highlight", "paint"):
        assert is_identity(wear(hidden, {name: SINGLE[name][0]})), name


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_layer_keeps_to_its_regions(faces, name):
    layer, regions, leak = SINGLE[name]
    changed = change(faces, wear(faces, *[{name: layer}] * 3))
    own = sum(torch.as_tensor(region_masks(128).of(region)) for region in regions)
    for one in changed:
        assert one.max() > 0.02, "it shows on every skin"
        assert (one * (1 - own)).sum() <= leak * one.sum() + 1e-3


def test_both_halves_of_the_face_are_painted_alike(bare):
    face = bare(MEDIUM)
    even = type(face)(
        *((getattr(face, n) + getattr(face, n).flip(-1)) / 2
          for n in ("linear", "low", "low_lips", "illuminant", "skin"))
    )  # fmt: skip
    for name, (single, _, _) in SINGLE.items():
        if name in ("highlight", "eyeshadow"):  # sparkle falls where it likes
            continue
        changed = change(even, wear(even, {name: single}))
        assert (changed - changed.flip(-1)).abs().max() < 0.02, name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_painting_is_repeatable_and_the_order_of_the_batch_does_not_matter(faces, seed):
    sampler = StyleSampler(seed)
    worn = [sampler() for _ in range(3)]
    once, again = (paint(faces, StyleBatch(worn)).packed() for _ in range(2))
    assert torch.equal(once, again)
    order = [2, 0, 1]
    turned = type(faces)(
        *(getattr(faces, n)[order] for n in ("linear", "low", "low_lips", "illuminant")), faces.skin
    )
    other = paint(turned, StyleBatch([worn[i] for i in order])).packed()
    torch.testing.assert_close(other, once[order], atol=1e-5, rtol=0)
    # Alone, a brush may leave out texels of less than 1e-4 opacity that a batch includes.
    for index in range(3):
        alone = paint(part(faces, index), StyleBatch([worn[index]])).packed()
        torch.testing.assert_close(alone, once[index : index + 1], atol=2e-3, rtol=0)


def lip_colour(face, layer, fields, index):
    """Mean linear RGB of the painted lips away from their edges."""
    core = (fields.lips > 0.99) & (fields.lip_depth > 0.3) & (fields.lip_depth < 0.8)
    return layer(face.linear)[index][:, core[0, 0]].mean(1)


def lab(linear):
    return rgb2lab(to_srgb(linear).numpy()[None, None])[0, 0]


def test_a_matte_red_reads_as_the_same_red_on_light_and_on_dark_skin(faces, fields):
    swatch = "#a5122a"
    lips = styles.Lips(opacity=1.0, color=swatch, finish="matte")
    layer = wear(faces, *[{"lips": lips}] * 3)
    wanted = rgb2lab(np.array([[[int(swatch[i : i + 2], 16) / 255 for i in (1, 3, 5)]]]))[0, 0]
    on_screen = [lab(lip_colour(faces, layer, fields, i)) for i in range(3)]
    core = fields.lips > 0.99
    light = [luminance(faces.illuminant)[i][core[0]].mean() for i in range(3)]
    by_itself = [lab(lip_colour(faces, layer, fields, i) / light[i]) for i in range(3)]
    # The pigment itself is the swatch's; on the screen the light read from the face goes in too.
    assert max(deltaE_ciede2000(c, wanted) for c in by_itself) < 2.0
    assert max(deltaE_ciede2000(c, wanted) for c in on_screen) < 6.0
    for a in range(3):
        for b in range(a):
            assert deltaE_ciede2000(by_itself[a], by_itself[b]) < 1.0
            assert deltaE_ciede2000(on_screen[a], on_screen[b]) < 6.5


def test_more_coverage_brings_lips_nearer_to_the_swatch(bare, fields):
    face, wanted = bare(LIGHT), rgb2lab(np.array([[[0xA5, 0x12, 0x2A]]]) / 255)[0, 0]
    gaps = []
    for opacity in (0.05, 0.3, 0.6, 1.0):
        lips = styles.Lips(opacity=opacity, color="#a5122a", finish="matte")
        layer = wear(face, {"lips": lips})
        gaps.append(deltaE_ciede2000(lab(lip_colour(face, layer, fields, 0)), wanted))
    assert (np.diff(gaps) < 0).all()


def test_colours_and_finishes_of_a_batch():
    batch = StyleBatch(
        [MakeupStyle(), MakeupStyle(lips=styles.Lips(0.5, "#ff0000", finish="gloss"))]
    )
    assert len(batch) == 2
    assert batch("lips", "color").shape == (2, 3, 1, 1)
    assert batch("lips", "color")[1].flatten().tolist() == pytest.approx([1, 0, 0])
    assert batch("lips", "opacity").flatten().tolist() == [0.0, 0.5]
    assert batch.finish("lips", {"gloss": 2.0}).flatten().tolist() == [0.0, 2.0]
    assert batch.used("lips")
    assert not batch.used("blush")


def test_gloss_shines_and_matte_does_not(bare, fields):
    face = bare(MEDIUM)
    lips = (fields.lips > 0.9)[0, 0]

    def brightest(finish):
        layer = wear(face, {"lips": styles.Lips(0.8, "#802030", finish=finish)})
        return luminance(layer(face.linear))[0, 0][lips].quantile(0.99)

    assert brightest("gloss") > brightest("satin") > brightest("matte")


def test_every_finish_says_how_much_detail_shows_through() -> None:
    from tryon.cosmetics.painter import DETAIL
    from tryon.cosmetics.style import FINISHES

    assert set(DETAIL) == set(FINISHES)
