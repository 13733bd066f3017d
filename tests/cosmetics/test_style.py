"""Styles survive JSON, and refuse bad values with the field, the value and what is allowed."""

import json
import math
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryon.cosmetics import style as styles
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import MakeupStyle
from tryon.errors import ConfigError

LAYERS = [type(getattr(MakeupStyle(), item.name)) for item in fields(MakeupStyle)]


@given(st.integers(0, 10**6))
def test_json_keeps_every_value(seed):
    style = StyleSampler(seed)()
    assert MakeupStyle.from_json(json.loads(json.dumps(style.to_json()))) == style


def test_json_may_leave_out_layers_and_settings():
    style = MakeupStyle.from_json({"lips": {"opacity": 0.5}})
    assert style == MakeupStyle(lips=styles.Lips(opacity=0.5))
    assert MakeupStyle.from_json({}) == MakeupStyle()


def test_a_style_without_settings_wears_nothing_and_is_frozen():
    style = MakeupStyle()
    assert all(getattr(style, item.name).opacity == 0 for item in fields(style))
    with pytest.raises(FrozenInstanceError):
        style.lips = styles.Lips(1.0)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_each_setting_names_itself_its_value_and_its_range(kind):
    for item in fields(kind):
        if item.name == "finish":
            bad, allowed = ("wet", 3), "satin"
        elif isinstance(item.default, str):
            bad, allowed = ("red", "#12345", "#1234567", "#12345g", 0.5, None), "#rrggbb"
        else:
            bad, allowed = (-1.5, 1.01, math.nan, math.inf, "0.5", "#102030", None), "["
        for value in bad:
            with pytest.raises(ConfigError) as caught:
                kind(**{item.name: value})
            message = str(caught.value)
            assert f"{kind.__name__}.{item.name}" in message
            assert repr(value) in message
            assert allowed in message


def test_ends_of_the_ranges_are_allowed():
    styles.Foundation(opacity=1, warmth=-1.0, lightness=-0.2, matte=0)
    styles.Foundation(opacity=0, warmth=1.0, lightness=0.2, matte=1)
    styles.Lips(color="#ABCDEF", finish="metallic")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"version": 2}, ("version", "2", "1")),
        ({"lipstick": {}}, ("lipstick", "lips", "foundation")),
        ({"lips": {"colour": "#ffffff"}}, ("lips", "colour", "color", "finish")),
        ({"lips": 0.5}, ("lips", "object")),
        ({"lips": {"opacity": 2}}, ("Lips.opacity", "2", "[0, 1]")),
    ],
)
def test_json_that_does_not_fit_is_refused_in_words(data, words):
    with pytest.raises(ConfigError) as caught:
        MakeupStyle.from_json(data)
    assert all(word in str(caught.value) for word in words)
