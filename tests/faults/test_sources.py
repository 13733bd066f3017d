"""Rows "Source" of the fault matrix that need the whole chain: camera, loop and session.

The scripted driver of `tests/streaming/test_camera.py` covers the others: black pictures, sizes
that change, drivers that hang while opening, and what each refusal says.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import tracemalloc

import numpy as np
import pytest

from tests.streaming.test_camera import CONFIG, Driver, Script, camera, healthy, noise, take
from tests.streaming.test_live import Collect, Numbers, keep, slow
from tryon.streaming import camera_device
from tryon.streaming.camera import Camera, CameraConfig
from tryon.streaming.live import run_live
from tryon.streaming.sinks import NullSink
from tryon.streaming.stats import LiveStats


def test_the_default_limits_are_those_promised():
    assert CameraConfig().stall_s <= 2
    assert CameraConfig().black_s <= 1


def test_an_unplugged_camera_comes_back_with_the_look_still_worn(scene, look, live_session):
    face = scene(320, 240, 200, size=(640, 480))

    def picture():
        grain = np.random.default_rng(time.monotonic_ns()).integers(0, 3, (480, 640, 1), np.uint8)
        return face[..., ::-1] + grain * (face[..., ::-1] < 250)

    driver = Driver(
        V4L2=[
            Script([*[picture] * 20, *[None] * 1000]),
            Script([], opened=False),
            Script(itertools.repeat(picture)),
        ]
    )
    told, painted, times = [], [], []

    class Watch(NullSink):
        def show(self, frame, result):
            painted.append(bool((result.image != frame.image).any()))
            times.append(time.monotonic())

    source = Camera(
        CameraConfig(width=640, height=480, stall_s=0.3, open_s=1.0),
        opener=driver, platform="linux", notice=told.append,
    )  # fmt: skip
    run_live(source, [live_session.process], [Watch()], stop=lambda: len(told) == 2 and painted[-1])
    assert "lost" in told[0]
    assert "back" in told[1]
    assert painted[-1]
    assert max(np.diff(times)) < 3
    assert live_session.look is look


@pytest.mark.parametrize("rate", [0.0, 1000.0, math.nan])
def test_a_driver_that_lies_about_its_rate_is_measured(rate):
    class Liar(Script):
        def get(self, prop):
            return self.fourcc if prop == 6 else rate

    device = Liar(itertools.repeat(noise))
    with camera(Driver(V4L2=[device])) as c:
        take(c, 20)
        assert 10 < c.fps < 201  # 5 ms a read


@pytest.mark.parametrize("name", ["backward", "still", "random"])
def test_stamps_increase_whatever_the_clock_does(monkeypatch, name):
    real, random = time.monotonic_ns, np.random.default_rng(1)
    clock = {
        "backward": lambda: 10**15 - real(),
        "still": lambda: 10**12,
        "random": lambda: int(random.integers(1, 10**12)),
    }[name]
    monkeypatch.setattr(camera_device, "monotonic_ns", clock)
    with camera(Driver(V4L2=[healthy()])) as c:
        stamps = [frame.captured_at for frame in take(c, 30)]
    assert all(b > a for a, b in itertools.pairwise(stamps))


def test_a_session_takes_stamps_of_a_mad_clock(live_session, scene):
    from tryon import Frame

    image = scene(320, 240, 200, size=(640, 480))
    ids = set()
    for index, stamp in enumerate((10**9, 10**9, 9 * 10**8, 2 * 10**9, 10**9 + 5)):
        result = live_session.process(Frame(image, index, None, stamp))
        assert len(result.faces) == 1
        ids.add(result.faces[0].track_id)
    assert len(ids) <= 2  # a jump back of a second or more counts as a seek


def bounded(seconds):
    """Run a source ten times as fast as compute; figures of the first and the last tenth."""
    source, behind, ages = Numbers(10**9, 0.002), [], []

    class Watch(Collect):
        def show(self, frame, result):
            ages.append((time.monotonic_ns() - frame.captured_at) / 1e6)

    def compute(frame):
        behind.append(source.given - 1 - frame.index)
        return slow(0.02)(frame)

    stats, end = LiveStats(), time.monotonic() + seconds
    tracemalloc.start()
    memory = []  # bytes, at a fifth of the time and at its end

    def stop():
        now = time.monotonic()
        if (not memory and now > end - 0.8 * seconds) or now > end:
            memory.append(tracemalloc.get_traced_memory()[0])
        return now > end

    report = run_live(source, [compute], [Watch()], stop=stop, stats=stats)
    tracemalloc.stop()
    grown = memory[-1] - memory[0]
    tenth = max(1, len(ages) // 10)
    assert report.frames + report.drops >= source.given - 2
    assert report.drops > 2 * report.frames
    assert np.median(behind) <= 1
    assert np.median(ages[-tenth:]) < 2 * np.median(ages[tenth : 2 * tenth]) + 10
    assert report.frame_age_ms.p95 < 150
    return grown, len(ages)


def limit(shown):
    """Bytes that the watching itself keeps: two numbers a frame, and lists that grow in steps."""
    return 120 * shown + 50_000


def test_frame_age_stays_bounded_for_a_source_faster_than_compute():
    grown, shown = bounded(2.0)
    assert grown < limit(shown)


@pytest.mark.slow
def test_frame_age_and_memory_stay_bounded_for_a_minute():
    grown, shown = bounded(60.0)
    assert grown < limit(shown)


def test_every_close_ends_the_driver_thread():
    before = threading.active_count()
    for _ in range(5):
        with camera(Driver(V4L2=[healthy()]), config=CONFIG) as c:
            take(c, 2)
    deadline = time.monotonic() + 2
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_a_camera_through_the_loop_ends_with_its_own_error():
    config = CameraConfig(width=64, height=48, stall_s=0.2, open_s=1.0, give_up_s=0.2)
    driver = Driver(V4L2=[Script([*[noise] * 30, *[None] * 1000])])
    source, sink = camera(driver, config=config), Collect()
    with pytest.raises(OSError, match="check cable and other programs"):
        run_live(source, [keep], [sink])
    assert sink.closings == [True]
