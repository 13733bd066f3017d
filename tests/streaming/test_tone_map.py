"""HDR to BT.709, against the numbers that the standards print."""

from __future__ import annotations

import numpy as np
import pytest

from tests import media_factory as make
from tryon.streaming.media import VideoReader
from tryon.streaming.media_pixels import Colour
from tryon.streaming.tone_map import ToneMap, hlg_to_scene, light_to_pq, pq_to_light, tone_curve

PQ = Colour(matrix=9, range=1, primaries=9, transfer=16)
HLG = Colour(matrix=9, range=1, primaries=9, transfer=18)
# cd/m2 -> code, from ITU-R BT.2408 and SMPTE ST 2084.
CODES = {0: 0.0, 100: 0.508, 203: 0.581, 1000: 0.752, 10_000: 1.0}


def grey(code, shape=(4, 4)):
    return np.full((*shape, 3), round(code * 65_535), np.uint16)


def shown(light):
    """cd/m2 on a screen whose white is 203 -> code of gamma 2.4."""
    return 255 * (light / 203) ** (1 / 2.4)


@pytest.mark.parametrize(("light", "code"), CODES.items())
def test_pq_is_that_of_the_standard_both_ways(light, code):
    assert pq_to_light(np.array(float(code))) == pytest.approx(light, rel=0.02, abs=1e-3)
    assert light_to_pq(np.array(float(light))) == pytest.approx(code, abs=1e-3)


def test_hlg_is_that_of_the_standard():
    codes = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(hlg_to_scene(codes), [0, 1 / 12, 1], atol=1e-4)


@pytest.mark.parametrize("light", [1, 10, 50, 90])
def test_what_is_darker_than_half_of_white_keeps_its_light(light):
    image = ToneMap(PQ)(grey(float(light_to_pq(np.array(float(light))))))
    assert np.abs(image.astype(float) - shown(light)).max() <= 2


def test_hlg_shows_diffuse_white_at_203_candela():
    """BT.2408: 75 % HLG is diffuse white, 203 cd/m2 on a screen of 1000."""
    image = ToneMap(HLG)(grey(0.75))
    assert np.abs(image.astype(float) - shown(tone_curve(np.array(203.0)))).max() <= 2


def test_highlights_are_compressed_not_cut():
    lights = np.array([50.0, 100, 203, 400, 900, 1000, 4000])
    levels = [int(ToneMap(PQ)(grey(float(light_to_pq(x))))[0, 0, 0]) for x in lights]
    assert levels[:5] == sorted(set(levels[:5]))
    assert levels[4:] == [255] * 3
    assert 215 < levels[2] < 240


def test_grey_stays_grey_and_hues_stay():
    for colour in (PQ, HLG):
        ramp = np.repeat(np.linspace(0, 65_535, 64).astype(np.uint16)[:, None, None], 3, 2)
        assert np.ptp(ToneMap(colour)(ramp).astype(int), axis=2).max() <= 1
    bright, dark = (
        ToneMap(PQ)(np.array([[[c, c * 0.8, c * 0.7]]]).astype(np.uint16))[0, 0]
        for c in (50_000, 30_000)
    )
    for pixel in (bright, dark):
        assert pixel[0] > pixel[1] > pixel[2]


def test_a_wide_red_becomes_the_red_of_bt709():
    """BT.709 red in BT.2020 light is (0.6274, 0.0691, 0.0164)."""
    light = 80 * np.array([0.6274, 0.0691, 0.0164])
    image = ToneMap(PQ)((light_to_pq(light) * 65_535).astype(np.uint16)[None, None])
    assert np.abs(image[0, 0] - np.array([shown(80), 0, 0])).max() <= 12
    narrow = Colour(matrix=1, range=1, primaries=1, transfer=16)
    image = ToneMap(narrow)((light_to_pq(light) * 65_535).astype(np.uint16)[None, None])
    assert np.abs(image[0, 0].astype(float) - shown(light)).max() <= 2


def test_an_hdr_file_becomes_an_ordinary_one_when_asked(tmp_path):
    source = make.hdr10(tmp_path / "hdr.mp4")
    with VideoReader(source, tone_map=True) as reader:
        frames = list(reader.frames())
        assert "HDR (PQ) is tone-mapped" in reader.notices[0]
        assert len(reader.notices) == 1
        assert reader.info.colour == Colour()
    assert len(frames) == 10
    # The gradient runs from dark left to bright right in red, as it was written.
    red = frames[0].image[24, :, 0].astype(int)
    assert red[-1] > red[32] > red[0]
    make.copy(source, tmp_path / "out.mp4", tone_map=True)
    assert VideoReader(tmp_path / "out.mp4").info.colour == Colour()


def test_ordinary_video_is_not_touched(tmp_path):
    plain = make.write_video(tmp_path / "a.mp4")
    with VideoReader(plain) as a, VideoReader(plain, tone_map=True) as b:
        for one, other in zip(a.frames(), b.frames(), strict=True):
            np.testing.assert_array_equal(one.image, other.image)
        assert b.notices == ()
