"""What is remembered between two windows, and what is not."""

from __future__ import annotations

import json

import pytest

from tryon.errors import ConfigError
from tryon.settings import Settings, load_settings, save_settings, settings_path
from tryon.view import ViewState, press

STATE = ViewState(base=(1.0,) * 6, mirror=True)


def test_what_was_chosen_comes_back(tmp_path):
    state = STATE
    for key in ("6", "[", "s", ",", "h", "l", "n", "c"):
        state = press(state, key, 0.0)
    path = tmp_path / "new" / "folder" / "window.json"
    assert save_settings(Settings.of(state, usual_mirror=True), path) == ""
    settings, remark = load_settings(path)
    assert remark == ""
    again = settings.applied(STATE)
    for name in ("on", "strengths", "split", "hud", "strip", "mirror"):
        assert getattr(again, name) == getattr(state, name)
    assert (again.look, again.pictures) == (0, 0)


def test_mirroring_is_remembered_only_where_it_is_unusual(tmp_path):
    usual = Settings.of(STATE, usual_mirror=True)
    assert usual.applied(ViewState(base=(1.0,) * 6, mirror=False)).mirror is False
    unusual = Settings.of(STATE, usual_mirror=False)
    assert unusual.applied(ViewState(base=(1.0,) * 6, mirror=False)).mirror is True


def test_no_file_means_nothing_to_say(tmp_path):
    assert load_settings(tmp_path / "none.json") == (Settings(), "")


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "3", "{}", "[" * 9000, "\x00", '{"on": 3, "strengths": []}',
        json.dumps({"on": [True] * 6, "strengths": [9.0] * 6}),
        json.dumps({"on": [True] * 6, "strengths": [float("nan")] * 6}),
        json.dumps({"on": [True] * 5, "strengths": [1.0] * 6}),
        json.dumps({"on": [True] * 6, "strengths": [1.0] * 6, "split": "left"}),
        json.dumps({"on": [True] * 6, "strengths": [1.0] * 6, "path": "/etc"}),
        " " * 100_000 + "{}",
    ],
)  # fmt: skip
def test_a_broken_file_counts_as_none_with_a_notice(tmp_path, text):
    path = tmp_path / "window.json"
    path.write_text(text)
    settings, remark = load_settings(path)
    assert settings == Settings()
    assert "window.json" in remark
    assert "\n" not in remark


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert "not remembered" in save_settings(Settings(), tmp_path / "file" / "window.json")


def test_each_system_has_its_folder():
    assert settings_path("linux", {"XDG_CONFIG_HOME": "/x"}).as_posix() == "/x/tryon/window.json"
    assert settings_path("linux", {}).parts[-3:] == (".config", "tryon", "window.json")
    assert settings_path("win32", {"APPDATA": "/r"}).as_posix() == "/r/tryon/window.json"
    assert settings_path("darwin", {}).parts[-3:] == (
        "Application Support", "tryon", "window.json")  # fmt: skip


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="out of range"):
        Settings(split=1.5)
