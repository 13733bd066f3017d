"""Each figure on a picture for which the right answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryon.cosmetics.colours import ciede2000, cielab_of
from tryon.kernels.colour import srgb_to_linear
from tryon.train.evaluation import measures

ALL = np.ones((32, 32), bool)
LEFT = np.zeros((32, 32), bool)
LEFT[:, :16] = True

# Sharma, Wu, Dalal 2005, "The CIEDE2000 color-difference formula", table 1.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def plain(r, g, b):
    return np.full((32, 32, 3), (r, g, b), np.uint8)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(40, 200, (32, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("line", SHARMA.strip().splitlines())
def test_colour_differences_are_those_of_the_published_table(line):
    values = np.array(line.split(), float)
    forth = ciede2000(values[:3], values[3:6])
    assert forth == pytest.approx(values[6], abs=5e-5)
    assert ciede2000(values[3:6], values[:3]) == pytest.approx(float(forth), abs=1e-9)


def test_lab_is_that_of_an_independent_library(photo):
    from skimage.color import rgb2lab

    lab = cielab_of(srgb_to_linear(photo / 255.0))
    assert np.abs(lab - rgb2lab(photo)).max() < 0.05


def test_psnr_of_a_known_error():
    assert measures.psnr(measures.mean_square(plain(100, 100, 100), plain(110, 90, 100), ALL)) == (
        pytest.approx(10 * np.log10(255**2 / (200 / 3)))
    )
    assert measures.psnr(0.0) == 100.0
    assert np.isnan(measures.psnr(measures.NOTHING))


def test_floats_and_bytes_measure_alike(photo):
    other = photo[::-1]
    for figure in (measures.mean_square, measures.drift, measures.change):
        assert figure(photo, other, ALL) == pytest.approx(
            figure((photo / 255).astype(np.float32), other, ALL), rel=1e-5
        )


def test_a_region_colour_averages_light_not_levels():
    half = plain(0, 0, 0)
    half[:, :16] = 255
    assert measures.region_colour(half, ALL) == pytest.approx([0.5] * 3)
    assert measures.region_colour(half, LEFT) == pytest.approx([1.0] * 3)
    few = np.zeros((32, 32), bool)
    few[0, :15] = True
    assert np.isnan(measures.region_colour(half, few)).all()


def test_a_skin_colour_is_not_moved_by_a_fringe_of_hair():
    face = plain(200, 160, 140)
    face[:10] = 10
    clean = measures.skin_colour(plain(200, 160, 140), ALL)
    assert measures.skin_colour(face, ALL) == pytest.approx(clean)


def test_one_person_in_two_lights_differs_only_before_the_light_is_discounted():
    skin, lips = (srgb_to_linear(np.array(c) / 255.0) for c in ((180, 140, 120), (150, 30, 50)))
    light = np.array([0.5, 0.45, 0.4])
    wanted = measures.under_light(lips, skin, skin * light)
    assert measures.colour_gap(lips * light, lips) > 5
    assert measures.colour_gap(lips * light, wanted) < 1e-6


def test_a_gap_to_an_unknown_colour_is_unknown():
    assert np.isnan(measures.colour_gap(np.full(3, np.nan), np.ones(3)))
    assert measures.region_gap(plain(9, 9, 9), plain(9, 9, 9), ALL) == 0


def test_drift_counts_every_texel_though_the_mean_stays():
    grey, split = plain(128, 128, 128), plain(128, 128, 128)
    split[:, :16], split[:, 16:] = 120, 136
    assert measures.drift(grey, grey, ALL) == 0
    assert measures.drift(grey, split, ALL) > 2
    assert measures.region_gap(grey, split, ALL) < 0.3


def test_change_and_energy_are_in_levels_and_under_the_mask():
    after = plain(100, 100, 100)
    after[:, 16:] += 30
    assert measures.change(plain(100, 100, 100), after, ALL) == 15
    assert measures.change(plain(100, 100, 100), after, LEFT) == 0
    assert measures.energy(plain(100, 100, 100), after, ALL) == 30 * 3 * 512
    assert np.isnan(measures.change(after, after, np.zeros_like(ALL)))


def test_gradients_ignore_a_tint_and_notice_blur_and_inversion(photo):
    import cv2

    assert measures.gradient_correlation(photo, photo + 20, ALL) == pytest.approx(1)
    assert measures.gradient_correlation(photo, 255 - photo, ALL) == pytest.approx(-1)
    blurred = cv2.GaussianBlur(photo, (0, 0), 2)
    assert measures.gradient_correlation(photo, blurred, ALL) < 0.5
    assert np.isnan(measures.gradient_correlation(photo, plain(9, 9, 9), ALL))


def test_gradients_at_the_border_of_a_mask_do_not_count(photo):
    after = photo.copy()
    after[:, 16:] = 255 - after[:, 16:]  # beside the mask
    assert measures.gradient_correlation(photo, after, LEFT) == pytest.approx(1)


def test_leakage_is_the_share_of_paint_outside():
    after = plain(100, 100, 100)
    after[:, :16] += 30
    after[:, 16:] += 10
    assert measures.leakage(plain(100, 100, 100), after, LEFT, ALL) == pytest.approx(0.25)
    assert measures.leakage(plain(100, 100, 100), after, ALL, ALL) == 0
    assert np.isnan(measures.leakage(after, after, LEFT, ALL))


def test_the_largest_fall_of_a_series():
    assert measures.largest_fall([0, 1, 2, 2]) == 0
    assert measures.largest_fall([0, 3, 1, 2, 1.5]) == 2
    assert measures.largest_fall([1]) == 0


@given(st.lists(st.floats(0.1, 100), min_size=2))
def test_worst_to_best_is_at_least_one_and_blind_to_order(values):
    ratio = measures.worst_to_best(values)
    assert ratio == measures.worst_to_best(values[::-1]) >= 1
    assert ratio == pytest.approx(max(values) / min(values))


def test_ratios_and_means_know_what_they_do_not_know():
    assert np.isnan(measures.worst_to_best([3.0]))
    assert np.isnan(measures.worst_to_best([0.0, 3.0]))
    assert measures.mean([1.0, measures.NOTHING, 3.0]) == 2
    assert measures.largest([1.0, measures.NOTHING, 3.0]) == 3
    assert np.isnan(measures.mean([]))
    assert np.isnan(measures.largest([measures.NOTHING]))
