"""The window with scripted events instead of a screen: keys reach the session, files appear."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from tests import media_factory as make
from tryon import Look, preview
from tryon.errors import MediaError
from tryon.preview import Preview
from tryon.streaming.stats import LiveStats
from tryon.streaming.window import Drag
from tryon.types import REGIONS, Face, Frame, Pose, TryOnResult
from tryon.view import ViewState


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

    def set_intensity(self, region, value, face=None):
        self.calls.append((region, value) if face is None else (region, value, face))

    def set_look(self, look, face=None):
        self.calls.append((look.name, face))


@pytest.fixture
def view(monkeypatch):
    monkeypatch.setattr("tryon.streaming.window.Window", Screen)
    Screen.events = []
    told = []
    sink = Preview(LiveStats(), told.append)
    sink.told, sink.dial, sink.screen = told, Dial(), Screen.opened
    sink.attach(sink.dial, (), ViewState(base=sink.dial.intensities))
    return sink


def show(view, *keys, size=(96, 128)):
    image = np.full((*size, 3), 40, np.uint8)
    Screen.events = [keys]
    view.show(Frame(image, 0), TryOnResult(image + 50, backend="engine"))


def test_region_and_strength_keys_reach_the_session(view):
    show(view, "6")
    assert view.dial.calls == [("lips", 0.0)]
    show(view, "]")
    assert dict(view.dial.calls[1:]) == {name: 1.1 for name in REGIONS if name != "lips"}
    show(view, "h", "s", "x", ",", "l", "d", "m")
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
    monkeypatch.setattr(preview, "monotonic", lambda: 1e12)
    view.idle()
    assert len(view.screen.shown) == count + 1


# --- looks and faces ---------------------------------------------------------------------


def plain(name, colour):
    """A look of one colour; lips at half intensity."""
    pixels = np.full((128, 128, 3), colour, np.uint8)
    seen = np.full((128, 128), 255, np.uint8)
    return Look(pixels, seen, name).with_intensity("lips", 0.5)


@pytest.fixture
def choosing(view):
    """A window with two looks."""
    looks = (plain("red", (200, 0, 0)), plain("blue", (0, 0, 200)))
    view.attach(view.dial, looks, ViewState(base=looks[0].intensities))
    view.dial.calls.clear()
    return view


def faces_at(*places):
    out = []
    for name, (x, y) in enumerate(places):
        points = np.full((478, 3), 0.0, np.float32) + np.float32([x, y, 0])
        points[0] += 20
        out.append(Face(points, Pose(0, 0, 0), 1.0, track_id=name + 7))
    return tuple(out)


def test_n_wears_the_next_look_at_its_intensities(choosing):
    show(choosing, "6", "n")
    assert choosing.dial.calls[0] == ("blue", None)
    assert ("lips", 0.0) in choosing.dial.calls  # off stays off
    show(choosing, "6")
    assert choosing.dial.calls[-1] == ("lips", 0.5)
    assert choosing.told == ["look: blue"]


def test_a_click_on_a_thumbnail_wears_that_look(choosing):
    size = (240, 320)
    show(choosing, "h", size=size)
    choosing.screen.drags = (Drag(70.0, 210.0),)  # the second of two at the bottom
    show(choosing, size=size)
    assert choosing.dial.calls[0] == ("blue", None)
    show(choosing, size=size)
    image = choosing.screen.shown[-1]
    assert (image[210, 30] == (200, 0, 0)).all()
    assert (image[210, 70] == (0, 0, 200)).all()
    assert (image[210, 53] == 255).all()  # the frame of the one that is worn
    show(choosing, "l", size=size)
    show(choosing, size=size)
    assert (choosing.screen.shown[-1] == 90).all()


def test_f_chooses_whose_look_the_keys_change(choosing):
    image = np.full((96, 128, 3), 40, np.uint8)
    result = TryOnResult(image, faces_at((10, 40), (80, 40)), backend="engine")

    def press(*keys):
        choosing.screen.events = [keys]
        choosing.show(Frame(image, 0), result)

    press("f")
    press("n")
    assert choosing.dial.calls[0] == ("blue", 7)
    press("f")
    press("]")
    assert choosing.dial.calls[-1][0::2] == ("lips", 8)
    press("h")
    press()
    assert (choosing.screen.shown[-1][40, 80] == 255).all()  # the chosen face is framed
    press("f")
    press("n")
    assert ("red", None) in choosing.dial.calls


def test_w_writes_the_look_as_it_is_worn(choosing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    show(choosing, "[")
    show(choosing, "w")
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".look"
    saved = Look.load(path)
    assert saved.name == "red"
    assert saved.intensities == pytest.approx((0.9,) * 5 + (0.45,))


def test_a_folder_that_cannot_be_written_to_is_told_and_the_window_goes_on(
    choosing, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preview, "strftime", lambda form: "no/such")
    show(choosing, "c", "w")
    assert all("cannot write" in text for text in choosing.told)
    assert len(choosing.told) == 2


def test_remembered_switches_reach_the_session_at_once(view):
    on = (True,) * (len(REGIONS) - 1) + (False,)
    view.attach(view.dial, (), replace(ViewState(base=view.dial.intensities), on=on))
    assert view.dial.calls == [("lips", 0.0)]


# --- recording ---------------------------------------------------------------------------


def play(view, count, *keys, start=0):
    """So many frames at 20 a second, each darker than the last; the keys come with the first."""
    for index in range(start, start + count):
        image = np.full((96, 128, 3), 200 - 10 * index, np.uint8)
        Screen.events = [keys if index == start else ()]
        result = TryOnResult(image + np.uint8(20), backend="engine")
        view.show(Frame(image, index, None, 10**9 + index * 50_000_000), result)
        for recording in view._recordings:  # time to write: a test is faster than any camera
            for _ in range(1000 * recording._sink._slot._full):
                if not recording._sink._slot._full:
                    break
                time.sleep(0.001)


def test_r_records_what_is_shown_without_the_hud(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    play(view, 1, "s", "m", "r")
    play(view, 4, start=1)
    assert [p.suffix for p in tmp_path.iterdir() if not p.name.startswith(".")] == []
    play(view, 1, "r", start=5)  # still shown, and so recorded, before the key is seen
    play(view, 2, start=6)
    view.close(failed=False)
    (path,) = tmp_path.iterdir()
    assert path.match("tryon-*-1.mp4")
    assert f"saved {path.name}" in view.told
    stamps, pictures = make.pixels(path)
    assert [float(t) for t in stamps] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2], abs=1e-4)
    for index, image in enumerate(pictures, start=1):
        bare, made_up = image[:, :62].astype(int), image[:, 66:].astype(int)
        assert np.abs(bare - (200 - 10 * index)).max() <= 4  # no dark band of the HUD
        assert np.abs(made_up - (220 - 10 * index)).max() <= 4


def test_the_hud_says_that_it_records(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = []
    monkeypatch.setattr(preview, "draw_lines", lambda image, words: lines.append(" ".join(words)))
    play(view, 2, "r")
    assert "REC 0:00" in lines[-1]
    assert "without sound" in lines[-1]
    play(view, 2, "r", start=2)
    assert "REC" not in lines[-1]
    view.close(failed=False)


def test_every_recording_has_a_file_of_its_own(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start in (0, 4, 8):
        play(view, 2, "r", start=start)
        play(view, 2, "r", start=start + 2)
    view.close(failed=False)
    view.close(failed=True)  # as the command does
    assert sorted(p.name[-6:] for p in tmp_path.iterdir()) == ["-1.mp4", "-2.mp4", "-3.mp4"]


def test_a_recording_that_nobody_stopped_is_kept(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    play(view, 4, "r")
    view.close(failed=True)
    (path,) = tmp_path.iterdir()
    assert len(make.pixels(path)[0]) == 3


def test_a_recording_without_a_picture_leaves_nothing(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    play(view, 1, "r")
    view.close(failed=False)
    assert list(tmp_path.iterdir()) == []
    assert view.told[-1] == "nothing was recorded"


def test_a_folder_that_cannot_be_recorded_to_is_told_and_the_window_goes_on(
    view, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preview, "strftime", lambda form: "no/such")
    play(view, 3, "r")
    assert "does not exist" in view.told[0]
    assert view.state.recording is None
    assert len(view.screen.shown) == 3


def test_a_disk_that_fills_up_ends_the_recording_and_not_the_window(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def full(self, image, pts):
        raise MediaError("cannot write it (No space left on device); check the free space")

    play(view, 2, "r")
    monkeypatch.setattr("tryon.streaming.media_writer.VideoWriter.write", full)
    view._recordings[0]._sink._thread.join(0.2)
    play(view, 2, start=2)
    view._recordings[0]._sink._thread.join(5)
    play(view, 2, start=4)
    assert view.state.recording is None
    assert len(view.screen.shown) == 6
    view.close(failed=False)
    assert "No space left" in view.told[-1]


def test_the_help_is_shown_over_the_picture_and_taken_away(view):
    show(view, "?", "h", size=(720, 1280))
    show(view, size=(720, 1280))
    assert (view.screen.shown[-1] == 255).any()
    show(view, "?", size=(720, 1280))
    show(view, size=(720, 1280))
    assert (view.screen.shown[-1] == 90).all()
