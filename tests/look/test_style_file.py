"""Styles as files and as words on a command line; every mistake names what would be right."""

import json

import pytest

from tryon.cosmetics.style import Eyeshadow, Lips, MakeupStyle
from tryon.errors import ConfigError
from tryon.look.style_file import PRODUCTS, add_product, load_style, save_style

BARE = MakeupStyle()


def test_a_style_is_read_as_it_was_written(tmp_path):
    style = MakeupStyle(lips=Lips(0.8, "#a5122a", "gloss"), eyeshadow=Eyeshadow(0.5))
    save_style(style, tmp_path / "a.json")
    assert load_style(tmp_path / "a.json") == style
    assert set(json.loads((tmp_path / "a.json").read_text())) == {"version", "lips", "eyeshadow"}


@pytest.mark.parametrize(
    ("text", "lips"),
    [
        ("#a5122a:matte:0.9", Lips(0.9, "#a5122a", "matte")),
        ("#a5122a", Lips(0.9, "#a5122a")),
        ("0.4:#102030:liner=0.5", Lips(0.4, "#102030", liner=0.5)),
        ("#a5122a:second=#ff0000:ombre=0.7", Lips(0.9, "#a5122a", second="#ff0000", ombre=0.7)),
    ],
)
def test_a_product_is_colour_finish_coverage_and_settings_in_any_order(text, lips):
    assert add_product(BARE, "lips", text).lips == lips


def test_parts_of_the_eyeshadow_add_up():
    style = add_product(
        add_product(BARE, "lids", "#b07a3a:metallic:smoky"), "crease", "#402010:0.8"
    )
    assert style.eyeshadow == Eyeshadow(
        0.75, "#b07a3a", "#402010", 0.8, finish="metallic", layout="smoky"
    )
    alone = add_product(BARE, "inner", "#fff0d0").eyeshadow
    assert alone.opacity > 0
    assert alone.inner == "#fff0d0"
    assert alone.inner_opacity == 0.7


@pytest.mark.parametrize("flag", PRODUCTS)
def test_every_flag_puts_something_on(flag):
    assert add_product(BARE, flag, "#a06050").worn()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#a5122a:wet", ("--lips", "'wet'", "matte", "NAME=VALUE")),
        ("#a5122a:2", ("Lips.opacity", "2", "[0, 1]")),
        ("#a51", ("Lips.color", "'#a51'", "#rrggbb")),
        ("#a5122a:wing=1", ("lips", "'wing'", "ombre")),
        ("#a5122a:liner=much", ("lips.liner", "'much'")),
    ],
)
def test_a_mistake_names_itself_and_what_would_be_right(text, words):
    with pytest.raises(ConfigError) as caught:
        add_product(BARE, "lips", text)
    assert all(word in str(caught.value) for word in words)


def test_files_that_are_no_style_are_refused_in_words(tmp_path):
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "cut.json").write_text("{")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name, words in (("none.json", "cannot read"), ("list.json", "JSON object"),
                        ("cut.json", "cannot read"), ("bytes.json", "cannot read"),
                        ("deep.json", "cannot read")):  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            load_style(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot write"):
        save_style(BARE, tmp_path / "no" / "a.json")
