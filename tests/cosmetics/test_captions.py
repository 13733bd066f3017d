"""Captions say what is worn, in words that come from the values, the same for the same seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics import style as styles
from tryon.cosmetics.captions import FORMS, caption, strength
from tryon.cosmetics.colours import name_of
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import LAYERS, MakeupStyle

RED = MakeupStyle(
    lips=styles.Lips(0.95, "#a5122a", "matte", liner=0.6),
    liner=styles.Liner(0.9, thickness=0.2, wing=0.8),
)


def test_a_seed_gives_one_caption_and_others_give_others():
    assert caption(RED, 3) == caption(RED, 3)
    assert len({caption(RED, seed) for seed in range(40)}) > 5


def test_full_captions_name_colour_finish_and_shape():
    for seed in range(20):
        words = caption(RED, seed)
        assert name_of("#a5122a") in words
        assert "matte" in words or "velvet" in words
        assert "winged" in words or "cat" in words
        assert "blush" not in words


def test_slots_can_be_read_back():
    pairs = dict(part.split(": ") for part in caption(RED, form="slots").split("; "))
    assert pairs == {"liner": "opaque black satin", "lips": "opaque crimson matte"}


def test_short_captions_keep_what_catches_the_eye():
    style = MakeupStyle(
        concealer=styles.Concealer(0.5), brows=styles.Brows(0.4), lips=styles.Lips(0.9, "#5e1428")
    )
    assert "wine lips" in caption(style, form="short")
    assert "concealer" not in caption(style, form="short")


def test_nothing_worn_is_said_so():
    assert {caption(MakeupStyle(), s) for s in range(9)} <= {"no makeup", "bare face", "nothing on"}


def test_dropout_leaves_words_out_but_never_all():
    plain, dropped = ([len(caption(RED, s, dropout=p)) for s in range(60)] for p in (0.0, 0.5))
    assert sum(dropped) < 0.8 * sum(plain)
    assert all(caption(RED, s, dropout=1.0).strip() for s in range(10))


@pytest.mark.parametrize(
    ("opacity", "word"), [(0.1, "hint of"), (0.4, "soft"), (0.7, "bold"), (1.0, "opaque")]
)
def test_strengths_have_words(opacity, word):
    assert strength(opacity) == word


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(FORMS), st.floats(0, 1))
def test_every_style_can_be_said_in_every_form(seed, form, dropout):
    words = caption(StyleSampler(seed)(), seed, form, dropout)
    assert words.strip()
    assert "  " not in words
    assert words == words.lower()
    assert "none" not in words.split()


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_a_phrase(name):
    alone = MakeupStyle(**{name: LAYERS[name](opacity=0.8)})
    assert caption(alone)
    assert caption(alone, form="slots").startswith(f"{name}: bold")
