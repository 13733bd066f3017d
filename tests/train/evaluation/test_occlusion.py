"""Drawn occluders hide what they say, and paint on them is counted."""

import numpy as np
import pytest

from tests.conftest import difference, parse_still
from tryon.face import landmarks as lm
from tryon.train.evaluation import measures, occlusion
from tryon.train.evaluation.occluders import CHEEK_L, EYE_L, EYE_R, MIDDLE_LIPS, OCCLUDERS

HIDES = {"cup": (17,), "microphone": (MIDDLE_LIPS,), "fingers": (MIDDLE_LIPS,),
         "strand": (lm.EYE_L.iris,), "glasses": (*EYE_R, *EYE_L)}  # fmt: skip


@pytest.fixture(scope="module")
def close_up(scene):
    image = scene(320, 320, 300, size=(640, 640))
    return image, parse_still(image)


@pytest.mark.parametrize("name", OCCLUDERS)
def test_an_occluder_hides_its_place_and_leaves_the_rest(close_up, name):
    image, face = close_up
    drawn = OCCLUDERS[name](image, face)
    changed = difference(drawn.image, image).max(-1) > 0
    assert 0.002 < drawn.mask.mean() < 0.2
    assert (changed[drawn.mask]).mean() > 0.9
    beyond = measures.change(image, drawn.image, ~drawn.mask)
    assert beyond < 2  # its soft edge only
    for landmark in HIDES[name]:
        x, y = face.landmarks[landmark, :2].astype(int)
        reach = 0.06 * face.width
        near = drawn.mask[int(y - reach) : int(y + reach), int(x - reach) : int(x + reach)]
        assert near.mean() > (0.25 if name == "strand" else 0.45)
    assert not drawn.mask[0].any()


def test_fingers_have_the_colour_of_the_wearer(close_up):
    image, face = close_up
    drawn = OCCLUDERS["fingers"](image, face)
    x, y = face.landmarks[CHEEK_L, :2].astype(int)
    gap = drawn.image[drawn.mask].mean(0) - image[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1))
    assert np.abs(gap).max() < 40


def test_paint_on_an_occluder_is_counted_against_all_paint(close_up, look, dresser):
    image, _ = close_up
    worn = dresser.wear(image, look)
    on_it, under, everywhere = occlusion.paint_on("cup", worn, look, dresser)
    hidden = OCCLUDERS["cup"](image, worn.face)
    again = dresser.wear(hidden.image, look)
    assert 0 < under < everywhere
    assert on_it == difference(again.after, hidden.image)[hidden.mask].sum()
    assert under == difference(worn.after, image)[hidden.mask & worn.inside].sum()


def test_a_look_at_intensity_zero_leaks_nothing_and_has_no_share(close_up, look, dresser):
    image, _ = close_up
    nothing = look.with_intensity("all", 0.0)
    result = occlusion.measure([(image, nothing)], (), (), dresser)
    assert np.isnan(result.leak)
    assert [one.pictures for one in result.occluders] == [1] * len(OCCLUDERS)


def test_shares_add_up_over_pictures(close_up, look, dresser):
    image, _ = close_up
    result = occlusion.measure([(image, look)] * 2, (), (), dresser)
    shares = [one.leak for one in result.occluders]
    assert result.leak == pytest.approx(np.mean(shares))
    assert result.leak_worst == max(shares)
    assert np.isnan(result.sunglasses)
    worn = dresser.wear(image, look)
    on_it, under, everywhere = occlusion.paint_on("glasses", worn, look, dresser)
    glasses = next(one for one in result.occluders if one.occluder == "glasses")
    assert glasses.leak == pytest.approx(on_it / everywhere)
    assert glasses.kept == pytest.approx(on_it / under)
