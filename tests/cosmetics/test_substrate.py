"""What the painter reads from a bare face: skin tone, light, low detail, and where skin is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.substrate import (
    ITA_KNOTS,
    REFLECTANCE,
    estimate_substrate,
    masked_blur,
    reflectance_of,
    skin_tone,
)

LIGHT, MEDIUM, DARK = (238, 205, 185), (190, 140, 112), (98, 64, 50)


@given(st.tuples(*[st.integers(20, 250)] * 3).filter(lambda c: c[0] >= c[1] >= c[2]))
def test_skin_tone_is_the_individual_typology_angle(rgb):
    lightness, _, b = rgb2lab([[[c / 255 for c in rgb]]])[0, 0]
    if b < 1:
        return  # grey: the angle is not defined
    wanted = torch.rad2deg(torch.atan2(torch.tensor(lightness - 50), torch.tensor(b))).item()
    found = skin_tone(to_linear(torch.tensor([rgb]) / 255)).item()
    assert found == pytest.approx(wanted, abs=1.5)


def test_skins_are_told_apart():
    light, medium, dark = skin_tone(to_linear(torch.tensor([LIGHT, MEDIUM, DARK]) / 255)).tolist()
    assert light > 55 > medium > -30 > dark


def test_reflectance_rises_with_the_tone_and_stays_within_that_of_skin():
    reflectance = reflectance_of(torch.linspace(-120, 120, 200))
    assert (reflectance.diff() >= -1e-6).all()
    assert reflectance[0].item() == pytest.approx(REFLECTANCE[0])
    assert reflectance[-1].item() == pytest.approx(REFLECTANCE[-1])
    knot = reflectance_of(torch.tensor([ITA_KNOTS[4]])).item()
    assert knot == pytest.approx(REFLECTANCE[4])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(1.0, 9.0))
def test_blur_under_a_mask_takes_nothing_from_outside(seed, sigma):
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(1, 1, 64, 64, generator=generator) > 0.3).float()
    image = torch.where(mask > 0, 0.4, 100.0).expand(2, 3, -1, -1)
    blurred = masked_blur(image, mask, sigma)
    assert blurred.shape == image.shape
    kept = mask.expand_as(image) > 0
    torch.testing.assert_close(blurred[kept], torch.full_like(blurred[kept], 0.4))


def test_low_has_the_colour_of_the_skin_without_its_pores(bare, fields):
    face = bare(MEDIUM)
    middle = (fields.face > 0.99).expand_as(face.low)
    pores, low = (image.diff(dim=3)[middle[..., 1:]].std() for image in (face.linear, face.low))
    assert low < 0.5 * pores
    assert face.low[middle].mean() == pytest.approx(face.linear[middle].mean().item(), rel=0.02)
    lips = (fields.lips > 0.9).expand_as(face.low)
    torch.testing.assert_close(face.low[lips].mean(), face.linear[lips].mean(), atol=0.01, rtol=0)


@pytest.mark.parametrize("exposure", [0.6, 1.0, 1.4])
def test_known_skin_shows_how_much_light_there_is(texture, fields, exposure):
    ita = skin_tone(to_linear(torch.tensor([MEDIUM]) / 255))
    light = estimate_substrate(
        fields.inside, fields, to_linear(texture([MEDIUM], exposure)), ita
    ).illuminant
    still = estimate_substrate(fields.inside, fields, to_linear(texture([MEDIUM])), ita).illuminant
    middle = (fields.face > 0.99).expand_as(light)
    torch.testing.assert_close(light[middle], exposure * still[middle], rtol=0.02, atol=0)


def test_the_colour_of_the_light_is_the_one_given(texture, fields):
    cast = torch.tensor([1.2, 1.0, 0.8])[None, :, None, None]
    ita = torch.tensor([30.0])
    white = estimate_substrate(fields.inside, fields, to_linear(texture([MEDIUM])), ita).illuminant
    tinted = estimate_substrate(
        fields.inside, fields, to_linear(texture([MEDIUM])), ita, cast
    ).illuminant
    torch.testing.assert_close(tinted, white * cast)


@pytest.mark.parametrize("skin", [LIGHT, MEDIUM, DARK])
def test_hard_light_changes_where_light_falls_but_not_how_much_there_is(texture, fields, skin):
    picture = to_linear(texture([skin]))
    side = torch.linspace(0.3, 1.7, 128)[None, None, None, :]
    ita = skin_tone(to_linear(torch.tensor([skin]) / 255))
    even, hard = (
        estimate_substrate(fields.inside, fields, light, ita) for light in (picture, picture * side)
    )
    face = fields.face > 0.9
    for one, light in ((even, picture), (hard, picture * side)):
        brightness = (
            light.mean(1, keepdim=True)[face].mean() / picture.mean(1, keepdim=True)[face].mean()
        )
        strength = even.illuminant[face].mean() * brightness
        assert one.illuminant[face].mean() == pytest.approx(strength.item(), rel=0.06)


def test_a_picture_without_colour_does_not_pass_for_the_palest_skin(texture, fields):
    grey = texture([MEDIUM]).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    lights = [
        estimate_substrate(fields.inside, fields, to_linear(one))
        .illuminant[fields.face > 0.9]
        .mean()
        for one in (texture([MEDIUM]), grey)
    ]
    assert lights[1] == pytest.approx(lights[0].item(), rel=0.35)


def test_bright_eyes_say_that_there_is_more_light_and_dark_ones_less(texture, fields):
    strengths = []
    for level in (0.05, 0.4, 0.95):
        picture = texture([MEDIUM]) * (1 - fields.sclera) + level * fields.sclera
        face = estimate_substrate(fields.inside, fields, to_linear(picture))
        strengths.append(face.illuminant[..., 20:, :].mean().item())
    assert strengths == sorted(strengths)
    assert 1.05 < strengths[2] / strengths[0] < 1.15  # heard, but not believed blindly


def test_what_brightness_is_left_beyond_the_tone_is_light_by_half_unless_the_tone_is_known(
    texture, fields
):
    # Both pictures lie below the end of the curve, where no tone is darker.
    pictures = [to_linear(texture([(70, 50, 42)])) * level for level in (1.0, 0.5)]

    def ratio(ita: torch.Tensor | None) -> float:
        lights = [
            estimate_substrate(fields.inside, fields, one, ita).illuminant[fields.face > 0.9].mean()
            for one in pictures
        ]
        return (lights[1] / lights[0]).item()

    assert ratio(None) == pytest.approx(0.5**0.5, rel=0.02)
    assert ratio(torch.tensor([-60.0])) == pytest.approx(0.5, rel=0.02)
