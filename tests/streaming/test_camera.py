"""The camera against a scripted driver: every fault of real ones, without one."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time

import numpy as np
import pytest

from tryon.errors import CameraError, CameraLostError, ConfigError
from tryon.streaming.camera import Camera, CameraConfig
from tryon.streaming.camera_device import open_cv2
from tryon.streaming.cameras import (
    CameraInfo,
    find_camera,
    linux_cameras,
    list_cameras,
    mac_cameras,
)

FAST = {"open_s": 1.0, "black_s": 0.2, "stall_s": 0.3, "give_up_s": 3.0}
CONFIG = CameraConfig(width=64, height=48, **FAST)
RNG = np.random.default_rng(0)


def noise(height=48, width=64):
    return RNG.integers(30, 200, (height, width, 3), dtype=np.uint8)


class Script:
    """A device that plays a script: arrays are pictures, None a failed read, callables run.

    The last entry is repeated for ever if it is callable (its result is the picture).
    """

    def __init__(self, script, opened=True, fourcc="MJPG"):
        self.script, self.opened = iter(script), opened
        self.fourcc = float(int.from_bytes(fourcc.encode(), "little"))
        self.released = threading.Event()

    def isOpened(self):  # noqa: N802
        return self.opened

    def get(self, prop):
        return self.fourcc if prop == 6 else float("nan")  # drivers lie about the rate

    def read(self):
        time.sleep(0.005)
        picture = next(self.script, None)
        picture = picture() if callable(picture) else picture
        return picture is not None, picture

    def release(self):
        self.released.set()


class Driver:
    """Opens scripted devices in order, by back-end name."""

    def __init__(self, **devices):
        self.devices = {name: iter(scripts) for name, scripts in devices.items()}
        self.opened = []

    def __call__(self, backend, config):
        self.opened.append(backend)
        device = next(self.devices[backend], None)
        if device is None:
            raise OSError("no such device")
        return device


def healthy(**shape):
    return Script(itertools.repeat(lambda: noise(**shape)))


def camera(driver, *, platform="linux", notice=lambda text: None, config=CONFIG):
    return Camera(config, opener=driver, platform=platform, notice=notice)


def take(source, count):
    return list(itertools.islice(source.frames(), count))


def test_gives_rgb_frames_with_increasing_stamps_and_measures_the_rate():
    blue = noise()
    blue[..., 0] = 250  # BGR
    with camera(Driver(V4L2=[Script(itertools.chain([blue], itertools.repeat(noise)))])) as c:
        frames = take(c, 10)
        assert 10 < c.fps < 201  # 5 ms a read, whatever the driver claims
        assert "camera 0 (V4L2), 64x48" in c.description
        assert "MJPG" in c.description
    stamps = [f.captured_at for f in frames]
    assert stamps == sorted(set(stamps))
    assert [f.index for f in frames] == list(range(10))
    assert frames[0].pts is None


def test_channels_are_turned_to_rgb():
    def picture():
        image = noise()
        image[..., 0] = 250
        return image

    with camera(Driver(V4L2=[Script(itertools.repeat(picture))])) as c:
        image = take(c, 1)[0].image
    assert (image[..., 2] == 250).all()
    assert (image[..., 0] <= 200).all()


def test_grey_pictures_become_rgb():
    with camera(Driver(V4L2=[Script(itertools.repeat(lambda: noise()[..., 0]))])) as c:
        assert take(c, 1)[0].image.shape == (48, 64, 3)


def test_the_next_backend_is_tried_and_named():
    driver = Driver(DSHOW=[Script([], opened=False)], MSMF=[healthy()])
    with camera(driver, platform="win32") as c:
        assert driver.opened == ["DSHOW", "MSMF"]
        assert "(MSMF)" in c.description


def test_black_pictures_are_waited_for():
    black = [np.zeros((48, 64, 3), np.uint8) + i % 3 for i in range(8)]  # 40 ms
    with camera(Driver(V4L2=[Script([*black, *[noise] * 500])])) as c:
        assert take(c, 1)[0].image.max() > 16


def test_a_backend_that_stays_black_is_left_for_the_next():
    black = Script(itertools.repeat(lambda: RNG.integers(0, 9, (48, 64, 3), dtype=np.uint8)))
    driver = Driver(DSHOW=[black], MSMF=[healthy()])
    with camera(driver, platform="win32") as c:
        assert "(MSMF)" in c.description
        assert black.released.wait(1)


def test_a_covered_lens_opens_with_a_notice():
    def black():
        return Script(itertools.repeat(lambda: RNG.integers(0, 9, (48, 64, 3), dtype=np.uint8)))

    told = []
    with camera(Driver(V4L2=[black(), black()]), notice=told.append) as c:
        assert take(c, 1)[0].image.max() < 16
    assert "lens covered" in told[0]


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("linux", "/dev/video"),
        ("darwin", "Privacy & Security > Camera"),
        ("win32", "close other programs"),
    ],
)
def test_a_camera_that_does_not_open_names_the_likely_cause(platform, words):
    config = CameraConfig(index=97, **FAST)
    with pytest.raises(CameraError, match="camera 97 does not open") as caught:
        camera(
            Driver(V4L2=[], DSHOW=[], MSMF=[], AVFOUNDATION=[]), platform=platform, config=config
        )
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_opening_that_hangs_is_given_up():
    hang = threading.Event()
    began = time.monotonic()
    with pytest.raises(CameraError, match="does not open"):
        camera(lambda backend, config: hang.wait(5) and None)
    assert time.monotonic() - began < 2
    hang.set()


def stalling(hang):
    """A device that gives some pictures and then never returns from `read`."""
    return Script([*[noise] * 30, lambda: hang.wait(10) and None])


def test_a_stalled_read_is_noticed_and_the_camera_reopened():
    hang, told = threading.Event(), []
    driver = Driver(V4L2=[stalling(hang), healthy()])
    with camera(driver, notice=told.append) as c:
        began = time.monotonic()
        frames = take(c, 60)
        assert time.monotonic() - began < 3
    hang.set()
    assert len(frames) == 60
    assert [f.index for f in frames] == list(range(60))
    assert driver.opened == ["V4L2", "V4L2"]
    assert "lost" in told[0]
    assert "back" in told[1]


def test_a_stale_picture_returned_as_success_counts_as_lost():
    still = noise()
    frozen = Script([*[noise] * 30, *itertools.repeat(still, 2000)])
    told = []
    with camera(Driver(V4L2=[frozen, healthy()]), notice=told.append) as c:
        assert len(take(c, 60)) == 60
    assert "lost" in told[0]


def test_a_scene_that_is_really_still_plays_on_after_one_reopening():
    still = noise()
    driver = Driver(
        V4L2=[Script([*[noise] * 30, *itertools.repeat(still, 4000)]), Script([still] * 4000)]
    )
    with camera(driver) as c:
        assert len(take(c, 120)) == 120
    assert driver.opened == ["V4L2", "V4L2"]


def test_unplugged_and_plugged_in_again():
    driver = Driver(
        V4L2=[Script([*[noise] * 30, *[None] * 1000]), Script([], opened=False), healthy()]
    )
    with camera(driver) as c:
        began = time.monotonic()
        assert len(take(c, 60)) == 60
        assert time.monotonic() - began < 3


def test_a_driver_that_raises_is_reopened_too():
    def fault():
        raise RuntimeError("driver fault")

    with camera(Driver(V4L2=[Script([*[noise] * 30, fault]), healthy()])) as c:
        assert len(take(c, 60)) == 60


def test_a_camera_that_stays_away_ends_with_an_error():
    config = CameraConfig(width=64, height=48, **{**FAST, "give_up_s": 0.3})
    driver = Driver(V4L2=[Script([*[noise] * 30, *[None] * 1000])])
    with camera(driver, config=config) as c, pytest.raises(CameraLostError, match="check cable"):
        take(c, 60)


def test_size_may_change_while_running():
    script = [*[noise] * 30, *[lambda: noise(96, 128)] * 200]
    with camera(Driver(V4L2=[Script(script)])) as c:
        shapes = [f.image.shape for f in take(c, 60)]
    assert shapes[0] == (48, 64, 3)
    assert shapes[-1] == (96, 128, 3)


def test_close_releases_the_device_and_ends_frames():
    device = healthy()
    c = camera(Driver(V4L2=[device]))
    frames = c.frames()
    next(frames)
    c.close()
    c.close()
    assert device.released.wait(1)
    assert list(frames) == []


def test_close_from_another_thread_ends_a_search_for_a_lost_camera():
    c = camera(Driver(V4L2=[Script([*[noise] * 30, *[None] * 1000])]))
    threading.Timer(0.6, c.close).start()
    began = time.monotonic()
    take(c, 10**6)
    assert time.monotonic() - began < 2


def test_config_refuses_nonsense():
    with pytest.raises(ConfigError, match="camera -1"):
        CameraConfig(index=-1)


def test_linux_cameras_skip_metadata_nodes(tmp_path):
    for node, index, name in (
        ("video2", "0", "Desk"),
        ("video0", "0", "Lid"),
        ("video1", "1", "Lid"),
    ):
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(f"{index}\n")
        (tmp_path / node / "name").write_text(f"{name}\n")
    assert linux_cameras(tmp_path) == (CameraInfo(0, "Lid"), CameraInfo(2, "Desk"))
    assert linux_cameras(tmp_path / "none") == ()


def test_mac_cameras_are_sorted_as_opencv_numbers_them():
    text = (
        '{"SPCameraDataType": [{"_name": "iPhone", "spcamera_unique-id": "B"},'
        ' {"_name": "FaceTime", "spcamera_unique-id": "A"}]}'
    )
    found = mac_cameras(lambda *a, **k: subprocess.CompletedProcess([], 0, text, ""))
    assert found == (CameraInfo(0, "FaceTime"), CameraInfo(1, "iPhone"))

    def missing(*args, **kwargs):
        raise FileNotFoundError

    assert mac_cameras(missing) == ()


def test_cameras_are_found_by_index_or_part_of_the_name():
    cameras = (CameraInfo(0, "Integrated Camera"), CameraInfo(2, "USB Camera"))
    assert find_camera("7", cameras) == 7
    assert find_camera("usb", cameras) == 2
    with pytest.raises(CameraError, match="several"):
        find_camera("camera", cameras)
    with pytest.raises(CameraError, match="no camera is called 'x'"):
        find_camera("x", cameras)


def test_an_unknown_system_lists_nothing():
    assert list_cameras("plan9") == ()


@pytest.mark.parametrize("backend", ["DSHOW", "V4L2"])
def test_motion_jpeg_is_asked_for_in_the_way_each_backend_obeys(monkeypatch, backend):
    import cv2

    calls = []

    class Fake:
        def __init__(self, *args):
            calls.append(args)

        def set(self, prop, value):
            calls.append((prop, value))

    monkeypatch.setattr(cv2, "VideoCapture", Fake)
    open_cv2(backend, CONFIG)
    mjpg = cv2.VideoWriter.fourcc(*"MJPG")
    if backend == "DSHOW":  # locks the pixel format when it opens
        (opened,) = calls
        assert opened[:2] == (0, cv2.CAP_DSHOW)
        assert opened[2][:2] == [cv2.CAP_PROP_FOURCC, mjpg]
    else:
        assert calls[0] == (0, cv2.CAP_V4L2)
        assert calls[1] == (cv2.CAP_PROP_FOURCC, mjpg)
