"""The webcam command, with the real session on the built-in clip and on files."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from tests import media_factory as make
from tryon import webcam
from tryon.errors import SinkError
from tryon.streaming.stats import STAGES, LiveStats
from tryon.streaming.window import Drag
from tryon.types import REGIONS, Frame, TryOnResult


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
    assert list(figures) == ["frames", "drops", "fps", "backend", "stages_ms", "frame_age_ms"]
    assert figures["frames"] == 20
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


class Screen:
    """Takes the window's place: plays scripted events and keeps what was shown."""

    events: list[tuple[str, ...]]

    def __init__(self, *_):
        self.shown, self.closed, self.drags = [], False, ()
        Screen.opened = self

    def show(self, image):
        self.shown.append(image)

    def poll(self):
        drags, self.drags = self.drags, ()
        return (self.events.pop(0) if self.events else ()), drags

    def close(self):
        self.closed = True


class Dial:
    """The part of a session that keys turn."""

    def __init__(self):
        self.intensities = (1.0,) * len(REGIONS)
        self.calls = []

    def set_intensity(self, region, value):
        self.calls.append((region, value))


@pytest.fixture
def view(monkeypatch):
    monkeypatch.setattr("tryon.streaming.window.Window", Screen)
    Screen.events = []
    told = []
    sink = webcam._WindowSink(LiveStats(), told.append)
    sink.told, sink.dial, sink.screen = told, Dial(), Screen.opened
    sink.attach(sink.dial, (), mirror=False)
    return sink


def show(view, *keys):
    image = np.full((96, 128, 3), 40, np.uint8)
    Screen.events = [keys]
    view.show(Frame(image, 0), TryOnResult(image + 50, backend="engine"))


def test_region_and_strength_keys_reach_the_session(view):
    show(view, "6")
    assert view.dial.calls == [("lips", 0.0)]
    show(view, "]")
    assert dict(view.dial.calls[1:]) == {name: 1.1 for name in REGIONS if name != "lips"}
    show(view, "h", "s", "x")
    assert len(view.dial.calls) == 6


def test_drags_move_the_split_line(view):
    show(view, "s", "h")
    view.screen.drags = (Drag(32.0, 5.0), Drag(96.0, 9.0))
    show(view)
    show(view)
    last = view.screen.shown[-1]
    assert (last[:, :95] == 40).all()
    assert (last[:, 97:] == 90).all()


def test_the_picture_key_saves_what_was_made(view, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    show(view, "c")
    (path,) = tmp_path.iterdir()
    assert (np.asarray(Image.open(path)) == 90).all()
    assert view.told == [f"saved {path.name}"]


def test_a_notice_is_said_and_shown_for_a_while(view, monkeypatch):
    show(view)
    view.notice("camera lost")
    count = len(view.screen.shown)
    view.idle()
    assert view.told == ["camera lost"]
    assert len(view.screen.shown) == count + 1
    monkeypatch.setattr(webcam, "monotonic", lambda: 1e12)
    view.idle()
    assert len(view.screen.shown) == count + 1


def test_quit_key_and_no_window_fault_end_the_command(photo, monkeypatch, capsys):
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
