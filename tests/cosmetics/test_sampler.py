"""Sampled styles: repeatable, of every kind, in colours that a screen can show."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryon.cosmetics.sampler import StyleSampler, oklch_to_hex
from tryon.cosmetics.style import MakeupStyle

LAYERS = [item.name for item in fields(MakeupStyle)]


def oklab(color):
    """#rrggbb to OKLab (Ottosson 2020), written independently of the sampler."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ linear
    )
    return (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ lms
    )


def worn(style):
    return {name for name in LAYERS if getattr(style, name).opacity > 0}


@pytest.fixture(scope="module")
def many():
    sampler = StyleSampler(11)
    return [sampler() for _ in range(4000)]


def test_a_seed_gives_one_sequence(many):
    again, other = StyleSampler(11), StyleSampler(12)
    assert [again() for _ in range(50)] == many[:50]
    assert [other() for _ in range(50)] != many[:50]


def test_one_in_twenty_wears_nothing_and_one_in_seven_a_single_layer(many):
    counts = [len(worn(style)) for style in many]
    none, single = counts.count(0) / len(many), counts.count(1) / len(many)
    assert 0.04 < none < 0.075
    assert 0.13 < single < 0.25
    assert np.mean(counts) > 3


def test_every_layer_is_worn_often_enough_to_be_learnt(many):
    for name in LAYERS:
        share = np.mean([name in worn(style) for style in many])
        assert 0.05 < share < 0.95, name


def test_styles_differ(many):
    colours = {style.lips.color for style in many if style.lips.opacity > 0}
    assert len(colours) > 2000
    assert {style.lips.finish for style in many} >= {"sheer", "satin", "matte", "gloss", "metallic"}


def test_without_foundation_nobody_wears_it():
    sampler = StyleSampler(3, foundation=False)
    assert not any("foundation" in worn(sampler()) for _ in range(300))


@given(st.floats(0.15, 0.92), st.floats(0, 0.28), st.floats(-180, 540))
def test_colours_keep_lightness_and_hue_and_lose_only_chroma(lightness, chroma, hue):
    color = oklch_to_hex(lightness, chroma, hue)
    assert len(color) == 7
    found, a, b = oklab(color)
    assert found == pytest.approx(lightness, abs=0.012)
    assert np.hypot(a, b) <= chroma + 0.012
    if np.hypot(a, b) > 0.05:
        turned = (np.degrees(np.arctan2(b, a)) - hue + 180) % 360 - 180
        assert abs(turned) < 6


@given(st.floats(0.3, 0.8), st.floats(0.0, 0.06), st.floats(0, 360))
def test_colours_that_fit_keep_their_chroma(lightness, chroma, hue):
    _, a, b = oklab(oklch_to_hex(lightness, chroma, hue))
    assert np.hypot(a, b) == pytest.approx(chroma, abs=0.01)
