from __future__ import annotations

import builtins
import sys
import threading
import time
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from tests import media_factory as make
from tryon.errors import EngineError, MediaError, MissingExtraError, SinkError
from tryon.streaming.live import run_live
from tryon.streaming.media import VideoReader
from tryon.streaming.media_writer import VideoWriter
from tryon.streaming.sinks import Background, CallSink, NullSink, RecorderSink, VirtualCameraSink
from tryon.streaming.window import Window, display_problem
from tryon.types import Frame, TryOnResult


def shown(index, pts=None, at=0, size=(64, 48)):
    image = make.picture(index, *size)
    return Frame(image, index, pts, at), TryOnResult(image)


def test_recorder_keeps_the_source_stamps(tmp_path):
    sink = RecorderSink(VideoWriter(tmp_path / "o.mp4"), keep_partial=True)
    stamps = [Fraction(0), Fraction(1, 30), Fraction(1, 10)]
    for i, pts in enumerate(stamps):
        sink.show(*shown(i, pts))
    sink.close(failed=False)
    assert make.pixels(tmp_path / "o.mp4")[0] == stamps


def test_recorder_stamps_a_camera_by_the_clock(tmp_path):
    sink = RecorderSink(VideoWriter(tmp_path / "o.mp4"), keep_partial=True)
    for i in range(3):
        sink.show(*shown(i, at=7_000_000_000 + i * 50_000_000))
    sink.close(failed=False)
    assert make.pixels(tmp_path / "o.mp4")[0] == [Fraction(i, 20) for i in range(3)]


@pytest.mark.parametrize("keep", [True, False])
def test_after_a_failure_a_live_recording_is_kept_and_a_conversion_is_not(tmp_path, keep):
    sink = RecorderSink(VideoWriter(tmp_path / "o.mp4"), keep_partial=keep)
    sink.show(*shown(0, Fraction(0)))
    sink.close(failed=True)
    assert [p.name for p in tmp_path.iterdir()] == (["o.mp4"] if keep else [])


def test_file_to_file_through_the_live_loop_is_complete_and_in_order(tmp_path):
    source = make.write_video(tmp_path / "in.mp4", [make.picture(i) for i in range(40)], audio=True)
    reader = VideoReader(source)
    writer = VideoWriter(tmp_path / "out.mp4", like=reader.info)
    recorder = Background(RecorderSink(writer, keep_partial=False), every_frame=True)
    report = run_live(reader, [lambda f: TryOnResult(f.image)], [recorder], every_frame=True)
    assert (report.frames, report.drops, recorder.drops) == (40, 0, 0)
    assert make.pixels(source)[0] == make.pixels(tmp_path / "out.mp4")[0]
    assert make.packets(source, "audio") == make.packets(tmp_path / "out.mp4", "audio")


class Slow(NullSink):
    def __init__(self, seconds=0.0, error=None):
        self.seconds, self.error, self.seen, self.closings = seconds, error, [], []

    def show(self, frame, result):
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.seen.append(frame.index)

    def close(self, *, failed):
        self.closings.append((failed, threading.current_thread().name))


def test_background_does_not_hold_up_the_caller_and_keeps_the_newest():
    slow = Slow(0.05)
    sink = Background(slow, every_frame=False)
    began = time.monotonic()
    for i in range(20):
        sink.show(*shown(i))
    assert time.monotonic() - began < 0.5
    sink.close(failed=False)
    assert slow.seen[-1] == 19
    assert len(slow.seen) + sink.drops == 20
    assert slow.closings == [(False, "MainThread")]


def test_background_in_every_frame_mode_loses_nothing():
    slow = Slow(0.002)
    sink = Background(slow, every_frame=True)
    for i in range(20):
        sink.show(*shown(i))
    sink.close(failed=False)
    assert slow.seen == list(range(20))


@pytest.mark.parametrize("every_frame", [True, False])
def test_what_a_background_sink_raises_comes_out(every_frame):
    slow = Slow(error=EngineError("full; empty it"))
    sink = Background(slow, every_frame=every_frame)

    def keep_showing():
        for i in range(100):
            sink.show(*shown(i))
            time.sleep(0.005)

    with pytest.raises(EngineError, match="empty it"):
        keep_showing()
    with pytest.raises(EngineError):
        sink.close(failed=False)
    assert slow.closings[0][0] is True


def test_a_full_disk_ends_a_live_run_with_one_error(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "o.mp4")
    monkeypatch.setattr(writer, "_encode", lambda frame: (_ for _ in ()).throw(OSError(28, "full")))
    sink = Background(RecorderSink(writer, keep_partial=False), every_frame=True)
    source = VideoReader(make.write_video(tmp_path / "in.mp4"))
    with pytest.raises(MediaError, match="cannot write"):
        run_live(source, [lambda f: TryOnResult(f.image)], [sink], every_frame=True)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_call_sink():
    seen = []
    CallSink(lambda frame, result: seen.append(frame.index)).show(*shown(3))
    assert seen == [3]


# --- virtual camera ---------------------------------------------------------------------


def fake_pyvirtualcam(monkeypatch, error=None, fault=None):
    sent = []

    class Camera:
        def __init__(self, width, height, fps):
            if error:
                raise error
            self.width, self.height, self.device = width, height, "/dev/video9"

        def send(self, image):
            if fault:
                raise fault
            sent.append(image)

        def close(self):
            sent.append("closed")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    return sent


def test_virtual_camera_keeps_its_first_size(monkeypatch):
    sent = fake_pyvirtualcam(monkeypatch)
    sink = VirtualCameraSink()
    sink.show(*shown(0))
    sink.show(*shown(1, size=(128, 96)))
    sink.close(failed=False)
    sink.close(failed=False)
    assert sent[0].shape == sent[1].shape == (48, 64, 3)
    assert np.array_equal(sent[0], make.picture(0))
    assert sent[2:] == ["closed"]


def test_no_virtual_camera_driver_is_one_line_with_every_reason(monkeypatch):
    # As pyvirtualcam 0.15 words it: a line for each back-end.
    reasons = "'v4l2loopback' backend: No device found.\n'obs' backend: not installed"
    fake_pyvirtualcam(monkeypatch, RuntimeError(reasons))
    with pytest.raises(SinkError) as caught:
        VirtualCameraSink().show(*shown(0))
    assert str(caught.value) == (
        "no virtual camera: v4l2loopback: No device found; sudo modprobe v4l2loopback "
        "exclusive_caps=1 / obs: not installed; install OBS Studio, start its virtual camera "
        "once, then close OBS"
    )


def test_the_real_package_without_a_driver_names_it_too():
    pyvirtualcam = pytest.importorskip("pyvirtualcam")
    try:
        pyvirtualcam.Camera(64, 48, 30).close()
    except RuntimeError:
        with pytest.raises(SinkError, match=r"no virtual camera: \w+: .+; "):
            VirtualCameraSink().show(*shown(0))
    else:
        pytest.skip("this machine has a virtual camera")


def test_virtual_camera_repeats_its_picture_while_nothing_new_comes(monkeypatch):
    sent, told = fake_pyvirtualcam(monkeypatch), []
    sink = VirtualCameraSink(notice=told.append)
    sink.idle()
    assert sent == []
    sink.show(*shown(0, size=(65, 49)))
    sink.idle()
    assert [image.shape for image in sent] == [(48, 64, 3)] * 2  # sides are even
    assert told == ["virtual camera: /dev/video9"]


def test_a_virtual_camera_that_stops_is_one_error(monkeypatch):
    fake_pyvirtualcam(monkeypatch, fault=RuntimeError("device gone"))
    with pytest.raises(SinkError, match=r"device gone.*start again"):
        VirtualCameraSink().show(*shown(0))


def test_missing_pyvirtualcam_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pyvirtualcam":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "pyvirtualcam", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install .tryon\[camera\]"):
        VirtualCameraSink()


# --- window -----------------------------------------------------------------------------


def test_without_a_display_the_window_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "no display" in display_problem("linux")
    monkeypatch.setenv("DISPLAY", ":987")
    assert "does not answer" in display_problem("linux")
    monkeypatch.setattr("tryon.streaming.window.display_problem", lambda: "there is no display")
    with pytest.raises(SinkError, match="--no-window"):
        Window("test")


def test_other_systems_always_have_a_desktop(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert display_problem("win32") == display_problem("darwin") == ""


def test_an_opencv_without_gui_is_refused_with_the_remedy(monkeypatch):
    import cv2

    def missing(*args):
        raise cv2.error("The function is not implemented. Rebuild the library with GTK+")

    monkeypatch.setattr("tryon.streaming.window.display_problem", lambda: "")
    monkeypatch.setattr(cv2, "namedWindow", missing)
    with pytest.raises(SinkError, match=r"has no GUI here; .*--no-window"):
        Window("test")
