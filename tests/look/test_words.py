"""Descriptions are read as a person would: names of colours, finishes and shapes hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics.captions import caption
from tryon.cosmetics.colours import NAMES, name_of, oklch_of
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.look.vocabulary import ADJECTIVES, NOUNS
from tryon.look.words import read_description


def style(text: str) -> MakeupStyle:
    return read_description(text).style()


def colour_of(worn: MakeupStyle, layer: str) -> str:
    found = getattr(worn, layer)
    return str(found.lid if layer == "eyeshadow" else getattr(found, "color", ""))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**40), form=st.sampled_from(("full", "slots")))
def test_what_a_caption_says_of_a_style_is_read_back(seed, form):
    before = StyleSampler(seed)()
    words = caption(before, seed, form)
    described = read_description(words)
    after = described.style()
    assert described.unknown == ()
    assert after.worn() == before.worn(), words
    for layer in ("lips", "eyeshadow", "blush", "liner", "highlight", "brows", "paint"):
        old, new = colour_of(before, layer), colour_of(after, layer)
        if getattr(before, layer).opacity > 0:
            assert name_of(old) == name_of(new), words
    for layer in ("lips", "eyeshadow"):
        if getattr(before, layer).opacity > 0:
            assert getattr(before, layer).finish == getattr(after, layer).finish, words
    if before.eyeshadow.opacity > 0:
        assert before.eyeshadow.layout == after.eyeshadow.layout, words


def test_the_issues_own_sentence():
    worn = style("soft matte brick-red lips, taupe smoky eyes")
    assert worn.worn() == ("eyeshadow", "lips")
    assert (worn.lips.color, worn.lips.finish) == (NAMES["brick red"], "matte")
    assert (worn.eyeshadow.lid, worn.eyeshadow.layout) == (NAMES["taupe"], "smoky")
    assert 0.5 < worn.lips.opacity < 0.6  # soft, and yet brick red
    assert worn.eyeshadow.outer_opacity > 0.5


def test_words_after_a_noun_are_its_too():
    for text in ("lips: glossy deep plum", "lips in deep plum, glossy", "deep plum glossy lips"):
        assert style(text).lips.finish == "gloss"
        assert oklch_of(style(text).lips.color)[0] < oklch_of(NAMES["plum"])[0]
    both = style("red lips smoky navy eyes")
    assert name_of(both.lips.color) == "red"
    assert name_of(both.eyeshadow.lid) == "navy"


def test_parts_of_an_eyeshadow_have_colours_of_their_own():
    eye = style("gold lids with espresso in the crease and black outer corners").eyeshadow
    assert (eye.lid, eye.crease, eye.outer) == tuple(
        NAMES[n] for n in ("gold", "espresso", "black")
    )
    assert eye.crease_opacity > 0.5
    assert eye.outer_opacity > 0.5


def test_a_word_means_what_its_noun_makes_of_it():
    assert style("winged eyeliner").liner.wing > 0.5
    assert style("winged eyeshadow").eyeshadow.layout == "wing"
    assert style("light blue liner").liner.color != NAMES["blue"]
    assert style("light contour").contour.opacity < 0.4
    assert style("lip liner in mocha").lips.liner_color == NAMES["mocha"]
    two = style("teal and gold face paint").paint
    assert (two.color, two.second) == (NAMES["teal"], NAMES["gold"])
    assert style("red and glossy lips").lips == style("glossy red lips").lips


def test_a_colour_may_be_given_as_itself():
    assert style("matte #A5122A lips").lips.color == "#a5122a"


def test_what_is_not_wanted_is_left_out():
    described = read_description("red lips, no blush, without mascara")
    assert described.without == {"blush", "lashes"}
    worn = described.on(StyleSampler(7)())
    assert worn.blush.opacity == worn.lashes.opacity == 0
    assert name_of(worn.lips.color) == "red"
    assert style("no makeup") == MakeupStyle()
    assert read_description("no makeup").says_something


def test_what_is_not_described_stays():
    before = MakeupStyle(lips=Lips(0.3, "#101010", "gloss", overline=0.5))
    after = read_description("bold red lips").on(before)
    assert after.lips.overline == 0.5
    assert after.lips.finish == "gloss"
    assert after.lips.color == NAMES["red"]


def test_words_that_are_not_known_are_given_back():
    assert read_description("a glamorous night with red lips").unknown == ("glamorous", "night")
    assert read_description("gold and teal").unknown == ("gold", "teal")
    assert not read_description("gold and teal").says_something
    assert read_description("").unknown == ()


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_with_every_adjective_is_a_style(noun):
    for word in ADJECTIVES:
        described = read_description(f"{word} dark pink {noun}")
        assert described.style().worn(), word
        assert NOUNS[noun].layer in described.layers
