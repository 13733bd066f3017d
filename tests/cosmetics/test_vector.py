"""Style vectors: one length, equal for styles that look alike, different where they differ."""

import numpy as np

from tryon.cosmetics import style as styles
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import MakeupStyle
from tryon.cosmetics.vector import style_vector, vector_names


def test_every_style_has_as_many_numbers_as_there_are_names():
    sampler = StyleSampler(5)
    names = vector_names()
    assert len(set(names)) == len(names)
    for _ in range(40):
        vector = style_vector(sampler())
        assert vector.shape == (len(names),)
        assert vector.dtype == np.float32
        assert np.abs(vector).max() <= 1.0


def test_what_is_not_worn_does_not_count():
    hidden = MakeupStyle(lips=styles.Lips(0.0, "#ff0000", "gloss"))
    assert not style_vector(hidden).any()
    seeds = [MakeupStyle(paint=styles.FreePaint(1.0, seed=s)) for s in (0.1, 0.9)]
    np.testing.assert_array_equal(style_vector(seeds[0]), style_vector(seeds[1]))


def test_colour_finish_and_coverage_each_have_their_place():
    base = styles.Lips(0.8, "#a5122a", "matte")
    names = vector_names()
    for other, prefix in (
        (styles.Lips(0.5, "#a5122a", "matte"), "lips.opacity"),
        (styles.Lips(0.8, "#5e1428", "matte"), "lips.color"),
        (styles.Lips(0.8, "#a5122a", "gloss"), "lips.finish"),
    ):
        gap = style_vector(MakeupStyle(lips=base)) != style_vector(MakeupStyle(lips=other))
        assert gap.any()
        assert all(names[i].startswith(prefix) for i in np.flatnonzero(gap))
