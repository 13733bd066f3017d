"""Photos: figures of pictures whose makeup, light and background are known."""

import numpy as np
import pytest

from tests.conftest import LIPSTICK, parse_still
from tryon.cosmetics.style import Eyeshadow, Lips, MakeupStyle
from tryon.look.look import Look
from tryon.look.photo import write_photo
from tryon.look.products import paint_photo
from tryon.train.evaluation import real
from tryon.train.evaluation.controls import INTENSITIES, region_leakage, sweep
from tryon.train.evaluation.masks import atlas_masks
from tryon.train.evaluation.photos import Photo, PhotoSet
from tryon.train.evaluation.wearing import LONGEST, Worn, read_picture, tone_of


@pytest.fixture(scope="module")
def exact(scene):
    """A face wearing a makeup, exactly."""
    style = MakeupStyle(
        lips=Lips(1.0, LIPSTICK, "matte"), eyeshadow=Eyeshadow(0.9, "#2040c0", height=0.7)
    )
    bare = scene(400, 400, 400, size=(800, 800))
    return Worn(bare, paint_photo(bare, style), parse_still(bare))


def test_a_perfect_transfer_has_no_colour_error(exact):
    item = real.compare(exact, Look.from_photo(exact.after), "a", "b")
    assert (item.source, item.reference) == ("a", "b")
    assert item.lip_de < 1
    assert item.lip_de_before > 10
    # Bold shadow moves the landmarks of the eye, so even this is not 0 on the lids.
    assert item.lid_de < 0.3 * item.lid_de_before
    assert item.background == 0
    assert item.drift < 0.5
    assert item.change > 1


def test_doing_nothing_is_measured_as_nothing(portrait, portrait_face, look):
    item = real.compare(Worn(portrait, portrait, portrait_face), look)
    assert item.lip_de == item.lip_de_before > 10
    assert item.gradient == pytest.approx(1)
    assert (item.drift, item.change, item.background) == (0, 0, 0)


def test_another_exposure_of_the_reference_is_discounted(exact):
    from tryon.kernels.colour import linear_to_srgb, srgb_to_linear

    dim = linear_to_srgb(0.4 * srgb_to_linear(exact.after / 255))
    item = real.compare(exact, Look.from_photo(np.round(255 * dim).astype(np.uint8)))
    assert item.lip_de > 8
    assert item.lip_de_light < 3
    assert item.lid_de_light < item.lid_de


def test_paint_on_the_background_and_on_bare_skin_is_seen(portrait, portrait_face, look):
    spot, tint = portrait.copy(), portrait.copy()
    spot[5, 5] ^= 128
    assert real.compare(Worn(portrait, spot, portrait_face), look).background == 128
    tint[..., 0] = np.clip(tint[..., 0].astype(int) - 12, 0, 255)
    assert real.compare(Worn(portrait, tint, portrait_face), look).drift > 2


def test_the_skin_tone_of_a_wearer_follows_the_photo(portrait, portrait_face):
    dark = (portrait // 3).astype(np.uint8)
    light, dim = (Worn(image, image, portrait_face).ita for image in (portrait, dark))
    assert dim < light - 30
    assert tone_of(np.array([0.6, 0.5, 0.4])) > tone_of(np.array([0.06, 0.05, 0.04]))


def test_only_paint_outside_the_region_leaks(portrait, portrait_face):

    def leak(paint):
        worn = Worn(portrait, portrait, portrait_face)
        painted = worn.bare.colour.copy()
        for name, amount in paint.items():
            painted[getattr(atlas_masks(), name)] += amount
        worn.__dict__["painted"] = type(worn.bare)(painted, worn.bare.visibility)
        return region_leakage(worn, "lips")

    assert leak({"lips": 0.2}) == 0
    assert leak({"lids": 0.2}) == pytest.approx(1)
    assert 0.05 < leak({"lips": 0.2, "lids": 0.1}) < 0.5
    assert np.isnan(leak({}))


def test_the_controls_of_the_real_session_keep_their_promises(scene, look, dresser):
    image = scene(200, 200, 200, size=(400, 400))
    controls = sweep([(image, look)], dresser)
    assert controls.zero_change == 0
    assert controls.intensity_fall == 0
    assert controls.leakage < 0.05
    assert [step.intensity for step in controls.steps] == list(INTENSITIES)
    assert controls.steps[0].change == 0
    assert controls.steps[0].lip_de > controls.steps[4].lip_de
    assert controls.steps[-1].change > 2


def test_nothing_to_sweep_is_unknown(wall, look, dresser):
    controls = sweep([(wall, look)], dresser)
    assert np.isnan([controls.zero_change, controls.intensity_fall, controls.leakage]).all()
    assert controls.steps == ()


@pytest.fixture
def folder(tmp_path, scene, painted_portrait, wall):
    write_photo(tmp_path / "source.png", scene(200, 200, 200, size=(400, 400)))
    write_photo(tmp_path / "reference.png", painted_portrait)
    write_photo(tmp_path / "nobody.png", wall)
    return tmp_path


def test_a_set_of_photos_goes_through_the_real_session(folder, dresser):
    source, reference, nobody = (
        Photo(folder / f"{name}.png") for name in ("source", "reference", "nobody")
    )
    photos = PhotoSet(
        (source,), (reference,), (reference,), (), ((source, reference), (nobody, reference))
    )
    result = real.measure(photos, dresser, few=1)
    assert (result.pairs, result.unread) == (1, 1)
    assert [item.source for item in result.items] == ["source.png"]
    assert result.lip_de == result.items[0].lip_de < result.lip_de_before
    assert result.background == 0
    assert result.gradient == result.gradient_worst > 0.7
    assert result.bare_change == result.items[0].change  # here the "bare" one wears it all
    assert 0 < result.self_change < 12
    assert len(result.steps) == len(INTENSITIES)


def test_a_large_photo_is_made_smaller_and_a_small_one_kept(tmp_path, wall):
    large = np.zeros((100, 2 * LONGEST, 3), np.uint8)
    write_photo(tmp_path / "large.png", large)
    write_photo(tmp_path / "wall.png", wall)
    assert read_picture(tmp_path / "large.png").shape == (50, LONGEST, 3)
    assert (read_picture(tmp_path / "wall.png") == wall).all()
