"""Styles survive JSON, and refuse bad values with the field, the value and what is allowed."""

import json
import math
import re
from dataclasses import FrozenInstanceError, fields
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.cosmetics import style as styles
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.schema import Choice, Colour, rules
from tryon.cosmetics.style import LAYERS, STYLE_VERSION, MakeupStyle, style_schema
from tryon.errors import ConfigError

SCHEMA = json.loads(
    (files("tryon.cosmetics") / "assets" / "makeup_style.schema.json").read_text("utf-8")
)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_json_keeps_every_value(seed):
    style = StyleSampler(seed)()
    assert MakeupStyle.from_json(json.loads(json.dumps(style.to_json()))) == style


def test_json_may_leave_out_layers_and_settings():
    style = MakeupStyle.from_json({"lips": {"opacity": 0.5}})
    assert style == MakeupStyle(lips=styles.Lips(opacity=0.5))
    assert MakeupStyle.from_json({}) == MakeupStyle()
    assert style.worn() == ("lips",)


def test_a_style_without_settings_wears_nothing_and_is_frozen():
    style = MakeupStyle()
    assert style.worn() == ()
    assert set(LAYERS) == {item.name for item in fields(style)}
    with pytest.raises(FrozenInstanceError):
        style.lips = styles.Lips(1.0)


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_each_setting_names_itself_its_value_and_what_is_allowed(kind):
    for name, rule in rules(kind).items():
        if isinstance(rule, Choice):
            bad, allowed = ("wet", 3, None), rule.words[0]
        elif isinstance(rule, Colour):
            bad, allowed = ("red", "#12345", "#1234567", "#12345g", 0.5, None), "#rrggbb"
        else:
            bad = (-1.5, 1.01, math.nan, math.inf, "0.5", "#102030", None, True)
            allowed = f"[{rule.low:g}, {rule.high:g}]"
        for value in bad:
            with pytest.raises(ConfigError) as caught:
                kind(**{name: value})
            message = str(caught.value)
            assert f"{kind.__name__}.{name}" in message
            assert repr(value) in message
            assert allowed in message


def test_ends_of_the_ranges_and_words_are_allowed():
    styles.Foundation(opacity=1, warmth=-1.0, lightness=-0.2, matte=0, color="skin")
    styles.Foundation(opacity=0, warmth=1.0, lightness=0.2, matte=1, color="#ffeedd")
    styles.Lips(color="#ABCDEF", finish="glitter", liner_color="auto", second="none")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"version": 3}, ("version", "3", "1 to 2", "update tryon")),
        ({"version": "2"}, ("version", "'2'")),
        ({"version": True}, ("version", "True")),
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


def test_a_file_of_version_1_still_reads_and_means_the_same():
    old = {
        "version": 1,
        "foundation": {"opacity": 0.25, "matte": 0.4, "warmth": 0.1, "lightness": 0.01},
        "liner": {"opacity": 0.95, "color": "#0c0a0a", "thickness": 0.35, "wing": 0.6},
        "lips": {"opacity": 0.95, "color": "#b00f28", "finish": "satin", "liner": 0.3},
        "paint": {"opacity": 0.5, "seed": 0.2},
    }
    style = MakeupStyle.from_json(old)
    assert style.worn() == ("foundation", "liner", "lips", "paint")
    assert style.lips == styles.Lips(0.95, "#b00f28", "satin", 0.3)
    assert style.to_json()["version"] == STYLE_VERSION == 2


def test_the_published_schema_is_the_one_of_the_dataclasses():
    assert style_schema() == SCHEMA, "write style_schema() to assets/makeup_style.schema.json anew"
    for name, kind in LAYERS.items():
        known = SCHEMA["properties"][name]["properties"]
        assert list(known) == [item.name for item in fields(kind)]
        assert not SCHEMA["properties"][name]["additionalProperties"]


def fits(value, schema):
    """A reader of the few words of JSON Schema that ours uses, independent of our checks."""
    kind = schema.get("type")
    if kind == "object":
        known = schema["properties"]
        return set(value) <= set(known) and all(fits(v, known[k]) for k, v in value.items())
    if kind == "number":
        return schema["minimum"] <= value <= schema["maximum"]
    if "pattern" in schema:
        return bool(re.search(schema["pattern"], value))
    return value in schema["enum"]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_every_style_fits_the_schema(seed):
    assert fits(StyleSampler(seed)().to_json(), SCHEMA)


def test_the_schema_refuses_what_the_dataclasses_refuse():
    for wrong in ({"lips": {"opacity": 1.2}}, {"lips": {"color": "red"}}, {"hair": {}},
                  {"lips": {"finish": "wet"}}, {"version": 9}, {"lips": {"shade": 1}}):  # fmt: skip
        assert not fits(wrong, SCHEMA)
        with pytest.raises(ConfigError):
            MakeupStyle.from_json(wrong)
