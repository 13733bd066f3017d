"""`--ref` and `--look`: plain names are looks, names for regions are mixed into one."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from tryon import arguments as flags
from tryon.errors import ConfigError
from tryon.look.look import Look
from tryon.look.mix import mix_looks
from tryon.types import REGIONS


@pytest.fixture
def folder(tmp_path, monkeypatch, painted_portrait, portrait, look):
    from PIL import Image

    Image.fromarray(painted_portrait).save(tmp_path / "a.png")
    Image.fromarray(portrait).save(tmp_path / "b.png")
    look.save(tmp_path / "c.look")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(*argv, several=False, required=False):
    parser = argparse.ArgumentParser()
    parser.add_argument("photo", nargs="?")
    flags.add_look_arguments(parser, required=required, several=several)
    return parser.parse_args(argv)


def test_regions_of_several_photos_become_one_look(folder, look, bare_look):
    (mixed,) = flags.load_looks(parsed("--ref", "lips=a.png", "--ref", "eyes=b.png"))
    wanted = mix_looks({"lips": look, "eyes": bare_look})
    assert mixed.intensities == wanted.intensities == (0, 0, 0, 0, 1, 1)
    assert [part.shares for part in mixed.parts] == [part.shares for part in wanted.parts]
    np.testing.assert_array_equal(mixed.colour, wanted.colour)
    assert mixed.name == "a (lips) + b (eyes)"


def test_saved_looks_are_mixed_too_also_with_photos(folder, look):
    (one,) = flags.load_looks(parsed("--look", "all=c.look", "--look", "lips=c.look"))
    np.testing.assert_array_equal(one.colour, look.colour)
    (two,) = flags.load_looks(parsed("--ref", "all=c.look", "--ref", "lips=b.png"))
    assert len(two.parts) == 2


def test_the_mix_comes_before_the_looks_to_choose_from(folder):
    looks = flags.load_looks(
        parsed("--ref", "a.png", "b.png", "--ref", "lips=a.png", "eyes=b.png", several=True)
    )
    assert [item.provenance for item in looks] == ["mix", "photo", "photo"]
    assert [item.name for item in looks[1:]] == ["a", "b"]


def test_one_look_a_flag_leaves_the_file_that_follows_alone():
    arguments = parsed("--ref", "a.png", "face.png")
    assert (arguments.ref, arguments.photo) == (["a.png"], "face.png")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--ref", "lips=a.png", "--ref", "lips=b.png"], "lips is given twice"),
        (["--ref", "a.png", "--ref", "b.png"], "only one look"),
        (["--ref", "a.png", "--ref", "lips=b.png"], "all=a.png lips=b.png"),
        (["--ref", "a.png", "--remove"], "name regions"),
    ],
)
def test_what_cannot_be_meant_is_refused(argv, words):
    with pytest.raises(ConfigError, match=words):
        flags.load_looks(parsed(*argv))


def test_a_file_whose_name_has_an_equals_sign_is_a_file(folder):
    (folder / "a.png").rename(folder / "x=y.png")
    (look,) = flags.load_looks(parsed("--ref", "x=y.png"))
    assert look.name == "x=y"


def test_nothing_named_gives_no_look_where_none_is_needed():
    assert flags.load_looks(parsed()) == ()
    with pytest.raises(ConfigError, match="--ref PHOTO or --look FILE"):
        flags.load_looks(parsed(required=True))


def test_makeup_is_taken_off_everywhere_or_from_the_regions_named():
    (bare,) = flags.load_looks(parsed("--remove"))
    assert bare.intensities == Look.removal().intensities
    np.testing.assert_array_equal(bare.colour, Look.removal().colour)
    (lips,) = flags.load_looks(parsed("--remove", "lips"))
    assert [region for region, value in zip(REGIONS, lips.intensities, strict=True) if value] == [
        "lips"
    ]


def test_a_look_may_be_worn_where_nothing_is_taken_off(folder, look):
    worn = flags.load_looks(
        parsed("--look", "c.look", "all=c.look", "--remove", "lips", "eyes", several=True)
    )
    assert len(worn) == 2
    for item in worn:
        kept, off = item.parts
        assert off.colour.max() == 0
        taken = [region for region, share in zip(REGIONS, off.shares, strict=True) if share]
        assert sorted(taken) == ["eyes", "lips"]
        np.testing.assert_array_equal(kept.colour, look.colour)


def test_quality_mode_brings_a_removal_of_its_own(bare_look):
    (own,) = flags.load_looks(parsed("--remove"), removal=lambda: bare_look)
    np.testing.assert_array_equal(own.colour, bare_look.colour)


@pytest.mark.parametrize(
    ("text", "value"),
    [("lips=0.7", ("lips", 0.7)), ("all=1.5", ("all", 1.5)), ("eyes=0", ("eyes", 0))],
)
def test_intensity(text, value):
    assert flags.intensity(text) == value


@pytest.mark.parametrize("text", ["lips", "lips=", "lips=2", "lips=-1", "lips=nan", "hair=1", "=1"])
def test_wrong_intensities_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        flags.intensity(text)


def test_sizes_and_whole_numbers():
    assert flags.size("1280x720") == (1280, 720)
    for text in ("1280", "x720", "12.5x7", "-4x4"):
        with pytest.raises(argparse.ArgumentTypeError):
            flags.size(text)
    assert flags.whole(1)("3") == 3
    for text in ("0", "-1", "x", "1.5"):
        with pytest.raises(argparse.ArgumentTypeError):
            flags.whole(1)(text)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("--remove {file} -o out", "{file} --remove -o out"),
        ("--remove lips eyes {file} -o out", "{file} --remove lips eyes -o out"),
        ("--intensity lips=0.5 {file}", "{file} --intensity lips=0.5"),
        ("{file} --remove lisp", "{file} --remove lisp"),  # a slip stays where it is told of
        ("--ref {file} {file} --remove", "--ref {file} {file} --remove"),
        ("--remove -o {file}", "--remove -o {file}"),
    ],
)
def test_a_file_behind_a_flag_of_several_words_is_the_commands(given, wanted, tmp_path):
    file = tmp_path / "face.jpg"
    file.touch()
    words = given.format(file=file).split()
    assert flags.files_first(words) == wanted.format(file=file).split()


def test_look_flags_exclude_each_other(capsys):
    parser = argparse.ArgumentParser()
    flags.add_look_arguments(parser)
    flags.add_session_arguments(parser)
    parsed = parser.parse_args(["--ref", "a.png", "--intensity", "lips=0.5", "all=1"])
    assert parsed.intensity == [("lips", 0.5), ("all", 1.0)]
    assert (parsed.backend, parsed.kernels, parsed.overlap) == ("auto", "auto", "auto")
    for argv in (["--ref", "a", "--look", "b"], ["--ref", "a", "--faces", "5"]):
        with pytest.raises(SystemExit) as stop:
            parser.parse_args(argv)
        assert stop.value.code == 2
    capsys.readouterr()
