"""Sampled styles: repeatable, of every kind, in colours that a screen can show."""

import numpy as np
import pytest

from tryon.cosmetics.colours import oklch_of
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import FINISHES, LAYERS, LAYOUTS


def worn(style):
    return set(style.worn())


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
        assert 0.03 < share < 0.95, name


def test_styles_differ(many):
    colours = {style.lips.color for style in many if style.lips.opacity > 0}
    assert len(colours) > 2000
    assert {style.lips.finish for style in many} >= {"sheer", "satin", "matte", "gloss", "metallic"}


def test_without_foundation_nobody_wears_it():
    sampler = StyleSampler(3, foundation=False)
    assert not any({"foundation", "concealer"} & worn(sampler()) for _ in range(300))


def test_finishes_and_layouts_all_occur(many):
    assert {style.eyeshadow.layout for style in many} == set(LAYOUTS)
    for name in ("lips", "eyeshadow"):
        assert {getattr(style, name).finish for style in many} == set(FINISHES)


def test_blush_is_often_of_the_hue_of_the_lips(many):
    both = [s for s in many if s.lips.opacity > 0 and s.blush.opacity > 0]
    turns = [
        abs((oklch_of(s.lips.color)[2] - oklch_of(s.blush.color)[2] + 180) % 360 - 180)
        for s in both
    ]
    assert np.mean(np.array(turns) < 28) > 0.5


def test_everyday_eyes_are_dark_and_muted_and_change_nothing_else(many):
    sampler = StyleSampler(11, everyday=1.0)
    street = [sampler() for _ in range(300)]
    shadows = [s.eyeshadow for s in street if s.eyeshadow.opacity > 0]
    lightness, chroma = np.transpose([oklch_of(shadow.lid)[:2] for shadow in shadows])
    assert np.quantile(lightness, 0.8) < 0.42
    assert np.quantile(chroma, 0.8) < 0.08
    assert np.mean([s.liner.opacity > 0 for s in street]) > 0.5
    # The first of a sequence is that of the same seed but for its eyes.
    for seed in range(50):
        plain, other = StyleSampler(seed)(), StyleSampler(seed, everyday=1.0)()
        assert plain.lips == other.lips or len(worn(plain)) <= 1


def test_without_everyday_eyes_a_sequence_is_what_it_was(many):
    sampler = StyleSampler(11, everyday=0.0)
    assert [sampler() for _ in range(50)] == many[:50]
