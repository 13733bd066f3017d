from __future__ import annotations

import threading
import time
import tracemalloc
from fractions import Fraction
from math import isnan

import numpy as np
import pytest

from tryon.errors import EngineError
from tryon.streaming.live import run_live
from tryon.streaming.sinks import NullSink
from tryon.streaming.stats import LiveStats, percentiles
from tryon.types import Frame, StageTimings, TryOnResult

IMAGE = np.zeros((8, 8, 3), np.uint8)


class Numbers:
    """A scripted source: `count` frames, `period` s apart, then perhaps an error."""

    description = "numbers"

    def __init__(self, count, period=0.0, live=True, error=None, pts=None):
        self.count, self.period, self.live, self.error, self.pts = count, period, live, error, pts
        self.given = 0
        self.closed = threading.Event()
        self.ended = threading.Event()

    def frames(self):
        try:
            for i in range(self.count):
                if self.closed.wait(self.period):
                    return
                self.given += 1
                yield Frame(IMAGE, i, self.pts and self.pts * i, time.monotonic_ns())
            if self.error is not None:
                raise self.error
        finally:
            self.ended.set()

    def close(self):
        self.closed.set()


class Collect(NullSink):
    def __init__(self):
        self.frames, self.idles, self.closings = [], 0, []

    def show(self, frame, result):
        self.frames.append(frame)

    def idle(self):
        self.idles += 1

    def close(self, *, failed):
        self.closings.append(failed)


def keep(frame):
    return TryOnResult(frame.image, timings=StageTimings(parse=1.0, total=2.0))


def slow(seconds):
    def compute(frame):
        time.sleep(seconds)
        return keep(frame)

    return compute


# The kernels' pool is not of the loop: it lives as long as the process.
LOOP_THREADS = ("tryon-source", "tryon-ahead", "tryon-sink", "tryon-camera")


def no_threads_left():
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if not any(t.name.startswith(LOOP_THREADS) for t in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False


def test_shows_what_the_source_gives_and_reports():
    source, sink = Numbers(20, 0.002), Collect()
    report = run_live(source, [keep], [sink])
    assert report.frames == len(sink.frames)
    assert report.frames + report.drops == 20
    assert sink.frames[-1].index == 19  # the newest is never the one dropped
    assert sink.closings == [False]
    assert report.stages_ms[0].p50 == 1.0
    assert report.stages_ms[-1].p99 == 2.0
    assert source.closed.is_set()
    assert no_threads_left()


def test_latency_stays_bounded_when_the_source_is_faster_than_compute():
    """A queue would fall behind by four frames with every one shown; the slot never does."""
    source, sink, behind = Numbers(10**6, 0.002), Collect(), []

    def compute(frame):
        behind.append(source.given - 1 - frame.index)
        return slow(0.01)(frame)

    report = run_live(source, [compute], [sink], frames=100)
    assert report.frames == 100
    assert report.drops > 100
    assert np.median(behind[50:]) <= 1
    assert report.frame_age_ms.p50 < 100
    indices = [f.index for f in sink.frames]
    assert indices == sorted(set(indices))


def test_every_frame_mode_drops_nothing():
    sink = Collect()
    report = run_live(Numbers(50), [slow(0.001)], [sink], every_frame=True)
    assert [f.index for f in sink.frames] == list(range(50))
    assert report.drops == 0


def test_the_first_of_two_stages_works_while_the_second_does():
    def ahead(frame):
        assert threading.current_thread().name == "tryon-ahead"
        time.sleep(0.02)
        return frame.index, frame

    def here(value):
        index, frame = value
        assert index == frame.index
        assert threading.current_thread() is threading.main_thread()
        return slow(0.02)(frame)

    sink, began = Collect(), time.monotonic()
    report = run_live(Numbers(25), [ahead, here], [sink], every_frame=True)
    assert [f.index for f in sink.frames] == list(range(25))
    assert report.drops == 0
    assert time.monotonic() - began < 25 * 0.04 * 0.85  # one after the other it is 1 s
    assert no_threads_left()


def test_with_two_stages_a_frame_waits_for_one_at_most():
    source, behind, sink = Numbers(10**6, 0.002), [], Collect()

    def here(frame):
        behind.append(source.given - 1 - frame.index)
        return slow(0.02)(frame)

    report = run_live(source, [lambda frame: frame, here], [sink], frames=60)
    assert report.frames + report.drops >= source.given - 3
    # Parsed when the one before was taken, some ten frames ago, and never earlier.
    assert np.median(behind) <= 13
    indices = [f.index for f in sink.frames]
    assert indices == sorted(set(indices))


def test_frames_with_pts_are_paced_by_them():
    sink = Collect()
    began = time.monotonic()
    run_live(Numbers(10, live=False, pts=Fraction(1, 25)), [keep], [sink])
    assert time.monotonic() - began > 0.34
    gaps = np.diff([f.captured_at for f in sink.frames]) / 1e9
    assert np.median(gaps) > 0.03


def test_every_frame_mode_is_not_paced():
    began = time.monotonic()
    run_live(Numbers(50, live=False, pts=Fraction(1)), [keep], [Collect()], every_frame=True)
    assert time.monotonic() - began < 1


def test_stops_after_the_number_of_frames_or_when_asked():
    sink = Collect()
    assert run_live(Numbers(10**6, 0.001), [keep], [sink], frames=7).frames == 7
    assert len(sink.frames) == 7
    sink = Collect()
    run_live(Numbers(10**6, 0.001), [keep], [sink], stop=lambda: len(sink.frames) >= 3)
    assert len(sink.frames) == 3


def test_a_silent_source_leaves_the_window_responsive():
    sink = Collect()
    run_live(Numbers(2, 0.3), [keep], [sink])
    assert sink.idles >= 5


def test_no_frame_at_all_gives_a_report_without_numbers():
    report = run_live(Numbers(0), [keep], [Collect()])
    assert (report.frames, report.drops, report.fps) == (0, 0, 0.0)
    assert np.isnan(report.frame_age_ms.p50)


@pytest.mark.parametrize("place", ["source", "ahead", "compute", "sink"])
def test_an_exception_anywhere_ends_the_run_within_a_second(place):
    fault = EngineError("broken; buy another")

    def compute(frame):
        if place == "compute" and frame.index >= 3:
            raise fault
        return keep(frame)

    def ahead(frame):
        if place == "ahead" and frame.index >= 3:
            raise fault
        return frame

    class Sink(Collect):
        def show(self, frame, result):
            super().show(frame, result)
            if place == "sink" and frame.index >= 3:
                raise fault

    source = Numbers(5 if place == "source" else 10**6, 0.01, error=fault)
    sink, other = Sink(), Collect()
    began = time.monotonic()
    with pytest.raises(EngineError, match="buy another"):
        run_live(source, [ahead, compute], [sink, other])
    assert time.monotonic() - began < 1
    assert sink.closings == other.closings == [True]
    assert source.ended.wait(1)
    assert no_threads_left()


def test_interrupt_closes_the_sinks_as_failed_and_goes_on_up():
    sink = Collect()

    def compute(frame):
        if frame.index >= 3:
            raise KeyboardInterrupt
        return keep(frame)

    with pytest.raises(KeyboardInterrupt):
        run_live(Numbers(10**6, 0.005), [compute], [sink])
    assert sink.closings == [True]


def test_a_sink_that_cannot_finish_is_reported_after_the_others_are_closed():
    class Bad(Collect):
        def close(self, *, failed):
            raise OSError("disk full")

    sink = Collect()
    with pytest.raises(OSError, match="disk full"):
        run_live(Numbers(3), [keep], [Bad(), sink])
    assert sink.closings == [False]


def test_stats_can_be_read_while_running_and_count_fps():
    stats = LiveStats()
    seen = []

    class Peek(Collect):
        def show(self, frame, result):
            seen.append((stats.frames, stats.fps))

    report = run_live(Numbers(40, 0.01), [keep], [Peek()], stats=stats)
    assert seen[-1][0] == report.frames - 1
    assert 5 < report.fps < 101
    assert 5 < stats.fps < 101


def test_the_student_share_counts_frames_with_makeup_only():
    stats = LiveStats()
    assert isnan(stats.report().student_share)
    for student, composite in ((5, 2), (0, 2), (0, 0), (5, 2), (0, 2)):
        stats.record(StageTimings(parse=4, student=student, composite=composite), 10.0)
    assert stats.report().student_share == 0.5


def test_memory_is_flat():
    run_live(Numbers(500), [keep], [NullSink()], every_frame=True)  # warm
    stats = LiveStats()
    tracemalloc.start()
    run_live(Numbers(2000), [keep], [NullSink()], every_frame=True, stats=stats)
    middle = tracemalloc.get_traced_memory()[0]
    run_live(Numbers(6000), [keep], [NullSink()], every_frame=True, stats=stats)
    grown = tracemalloc.get_traced_memory()[0] - middle
    tracemalloc.stop()
    assert stats.frames == 8000
    assert grown < 20_000


def test_percentiles():
    p = percentiles(np.arange(101, dtype=np.float32))
    assert (p.p50, p.p95, p.p99) == (50, 95, 99)
