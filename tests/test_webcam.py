"""The webcam command, with the real session on the built-in clip and on files."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from tests import media_factory as make
from tests.test_preview import Screen
from tryon import webcam
from tryon.errors import SinkError
from tryon.streaming.stats import STAGES


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    from PIL import Image
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("look") / "ref.png"
    Image.fromarray(astronaut()).save(path)
    return str(path)


def run(*argv):
    return webcam.main([str(a) for a in argv])


def last_line(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_demo_without_a_window_prints_the_figures(photo, capsys):
    code = run("--ref", photo, "--source", "demo", "--no-window", "--frames", 20, "--json")
    assert code == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("backend: ")
    assert "demo clip, 1280x720 at 30 fps" in lines[0]
    figures = json.loads(lines[-1])
    expected = ["frames", "drops", "fps", "backend", "student_share", "stages_ms", "frame_age_ms"]
    assert list(figures) == expected
    assert figures["frames"] == 20
    assert 1 / 3 <= figures["student_share"] <= 1  # at least every third frame, on any machine
    assert list(figures["stages_ms"]) == list(STAGES)
    for times in (*figures["stages_ms"].values(), figures["frame_age_ms"]):
        assert 0 < times["p50"] <= times["p95"] <= times["p99"]  # the face was found and painted
    assert figures["frame_age_ms"]["p50"] >= figures["stages_ms"]["total"]["p50"]


def test_a_file_without_a_window_is_read_at_full_speed_without_drops(photo, tmp_path, capsys):
    images = [make.picture(i, 96, 64) for i in range(60)]  # 2.4 s at 25 fps, no face
    source = make.write_video(tmp_path / "in.mp4", images)
    out = tmp_path / "o.mp4"
    assert (
        run("--ref", photo, "--source", source, "--no-window", "--record", out, "--json", "--quiet")
        == 0
    )
    figures = last_line(capsys)
    assert (figures["frames"], figures["drops"]) == (60, 0)
    assert figures["stages_ms"]["student"]["p50"] is None  # no face: it never ran
    assert make.pixels(out)[0] == make.pixels(source)[0]


def test_quiet_prints_the_figures_alone(photo, capsys):
    run("--ref", photo, "--source", "demo", "--no-window", "--frames", 2, "--json", "--quiet")
    assert len(capsys.readouterr().out.strip().splitlines()) == 1


def test_intensity_zero_leaves_the_recording_as_the_clip(photo, tmp_path, capsys):
    """The same clip, recorded with and without makeup: the flag reaches the session."""
    pictures = {}
    for name, value in (("none", 0), ("full", 1)):
        out = tmp_path / f"{name}.mp4"
        argv = ["--ref", photo, "--source", "demo", "--size", "320x180", "--no-window"]
        assert run(*argv, "--frames", 8, "--record", out, "--intensity", f"all={value}") == 0
        pictures[name] = make.pixels(out)
    from tryon.streaming.demo_clip import DemoClip

    clip = DemoClip(320, 180)
    stamps, images = pictures["none"]
    for pts, image in zip(stamps, images, strict=True):
        original = clip.frame(round(pts * 30)).image
        assert np.abs(image.astype(int) - original).mean() < 3  # H.264 at CRF 18
    capsys.readouterr()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--source", "camera:97"], "camera 97 does not open"),
        (["--source", "camera:no such name"], "no camera is called"),
        (["--source", "missing.mp4"], "missing.mp4 does not exist"),
        (["--source", "http://host/a.mp4"], "not a local file"),
        (["--source", "demo", "--ref", "missing.png"], "missing.png"),
        (["--source", "demo", "--size", "2x2"], "size 2x2"),
        (["--source", "demo", "--record", "no/such/folder.mp4"], "does not exist"),
        (["--source", "demo", "--record", "o.txt"], "suffix"),
    ],
)
def test_faults_are_one_line_before_anything_runs(
    photo, argv, words, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ref = [] if "--ref" in argv else ["--ref", photo]
    assert run(*ref, *argv, "--no-window") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_not_overwritten_unless_asked(photo, tmp_path, capsys):
    out = tmp_path / "o.mp4"
    out.write_bytes(b"older")
    argv = ["--ref", photo, "--source", "demo", "--size", "64x64", "--no-window", "--frames", 2]
    assert run(*argv, "--record", out) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == b"older"
    assert run(*argv, "--record", out, "--overwrite") == 0
    assert 1 <= len(make.pixels(out)[0]) <= 2


def test_without_a_display_the_remedy_is_named(photo, capsys, monkeypatch):
    monkeypatch.setattr("tryon.streaming.window.display_problem", lambda: "there is no display")
    assert run("--ref", photo, "--source", "demo") == 1
    assert "--no-window" in capsys.readouterr().err


def test_a_missing_virtual_camera_is_one_line(photo, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    assert run("--ref", photo, "--source", "demo", "--no-window", "--virtual-camera") == 1
    assert "tryon[camera]" in capsys.readouterr().err


def test_list_cameras_needs_no_look(capsys, monkeypatch):
    from tryon.streaming.cameras import CameraInfo

    monkeypatch.setattr(
        "tryon.streaming.cameras.list_cameras",
        lambda: (CameraInfo(0, "Lid"), CameraInfo(2, "Desk")),
    )
    assert run("--list-cameras") == 0
    assert capsys.readouterr().out == "camera:0  Lid\ncamera:2  Desk\n"
    monkeypatch.setattr("tryon.streaming.cameras.list_cameras", lambda: ())
    assert run("--list-cameras") == 0
    assert "--source demo" in capsys.readouterr().out


# --- the window, with scripted events instead of a screen -------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Settings are kept here, whatever the system."""
    monkeypatch.setattr(webcam, "settings_path", lambda: tmp_path / "tryon" / "window.json")
    return tmp_path / "tryon" / "window.json"


def test_quit_key_and_no_window_fault_end_the_command(photo, home, monkeypatch, capsys):
    monkeypatch.setattr("tryon.streaming.window.Window", Screen)
    Screen.events = [(), (), ("q",)]
    assert run("--ref", photo, "--source", "demo", "--size", "320x180") == 0
    assert Screen.opened.closed
    assert len(Screen.opened.shown) == 3
    assert "3 frames" in capsys.readouterr().out

    def broken(self, image):
        raise SinkError("the window is gone; start again")

    monkeypatch.setattr(Screen, "show", broken)
    assert run("--ref", photo, "--source", "demo", "--size", "320x180") == 1
    assert Screen.opened.closed
    assert "start again" in capsys.readouterr().err


def test_switches_are_remembered_unless_asked_not_to(photo, home, monkeypatch, capsys):
    monkeypatch.setattr("tryon.streaming.window.Window", Screen)
    demo = ["--ref", photo, "--source", "demo", "--size", "320x180"]
    Screen.events = [("6", "m"), ("[", "q")]
    assert run(*demo, "--no-remember") == 0
    assert not home.exists()
    Screen.events = [("6", "m"), ("[", "q")]
    assert run(*demo) == 0
    remembered = json.loads(home.read_text())
    assert remembered["on"] == [True] * 5 + [False]
    assert remembered["strengths"] == [0.9] * 6
    assert remembered["mirror"] is True
    assert "ref.png" not in home.read_text()
    home.write_text("{broken")
    Screen.events = [("q",)]
    assert run(*demo) == 0
    assert "set back" in capsys.readouterr().out
    assert json.loads(home.read_text())["on"] == [True] * 6


def test_the_record_key_works_beside_the_record_flag(photo, home, tmp_path, monkeypatch, capsys):
    """The flag writes what was made, the key what is shown: here the bare half in a mirror."""
    monkeypatch.setattr("tryon.streaming.window.Window", Screen)
    monkeypatch.chdir(tmp_path)
    Screen.events = [("s", "m", "r"), *[()] * 12, ("r",), (), ("q",)]
    argv = ["--ref", photo, "--source", "demo", "--size", "320x180", "--record", "all.mp4"]
    assert run(*argv, "--no-remember") == 0
    (shown,) = tmp_path.glob("tryon-*.mp4")
    assert f"saved {shown.name}" in capsys.readouterr().out
    stamps, pictures = make.pixels(shown)
    everything, made = make.pixels(tmp_path / "all.mp4")
    assert 3 <= len(stamps) <= 13 < len(everything) + 3
    assert stamps[0] == 0

    def nearest(turned):
        return min(
            np.abs(pictures[1][:, :150] - i[:, ::turned][:, :150].astype(int)).mean() for i in made
        )

    assert 2 * nearest(-1) < nearest(1)
    assert not list(tmp_path.glob(".tryon-*"))
