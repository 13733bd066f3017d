"""Rows "Session and threads" of the fault matrix that `tests/test_session_stream.py` leaves out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.conftest import difference, frames, without_gpu
from tests.streaming.test_live import Collect, Numbers, keep
from tryon import SessionConfig, TryOnSession
from tryon.errors import SessionClosedError
from tryon.streaming.live import run_live
from tryon.streaming.sinks import Background, NullSink


def in_thread(work):
    """What a function returns, or raises, on a thread of its own."""
    out = []
    thread = threading.Thread(target=lambda: out.append(work()))
    thread.start()
    thread.join(60)
    (result,) = out
    return result


def test_a_session_made_in_one_thread_works_in_another(look, portrait):
    session = in_thread(lambda: TryOnSession(look, SessionConfig(stills=True, threads=1)))
    with session:
        there = in_thread(lambda: session.process(portrait).image)
        here = session.process(portrait).image
    np.testing.assert_array_equal(there, here)
    assert (here != portrait).any()


def test_two_sessions_at_once_do_not_mix_their_looks(look, bare_look, portrait, scene):
    other = scene(256, 200, 200, size=(512, 512))
    config = SessionConfig(stills=True, threads=1)
    with TryOnSession(look, config) as one, TryOnSession(bare_look, config) as two:
        alone = [one.process(portrait).image, two.process(other).image]
        together = [[], []]

        def stream(session, image, out):
            for _ in range(6):
                out.append(session.process(image).image)

        threads = [
            threading.Thread(target=stream, args=(session, image, out))
            for session, image, out in ((one, portrait, together[0]), (two, other, together[1]))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for out, image in zip(together, alone, strict=True):
        assert len(out) == 6
        for picture in out:
            np.testing.assert_array_equal(picture, image)


def test_a_look_for_one_face_from_another_thread_is_worn_from_a_frame_border_on(
    live_session, look, portrait
):
    live_session.set_look(None)
    (face,) = live_session.process(frames(portrait, 1)[0]).faces
    in_thread(lambda: live_session.set_look(look, face=face.track_id))
    for frame in frames(portrait, 8)[1:]:
        result = live_session.process(frame)
    assert difference(result.image, portrait).max() > 20
    live_session.set_look(look)


def test_close_from_another_thread_ends_a_live_run_with_one_error(look, portrait):
    session = TryOnSession(look, SessionConfig(threads=1))
    source = Numbers(10**6, 0.01)

    def compute(frame):
        return session.process(portrait)

    timer = threading.Timer(0.5, session.close)
    timer.start()
    began = time.monotonic()
    with pytest.raises(SessionClosedError):
        run_live(source, [compute], [NullSink()])
    timer.join()
    assert time.monotonic() - began < 5
    assert source.ended.wait(1)


def test_a_consumer_that_stops_reading_holds_nothing_up():
    class Stuck(NullSink):
        def __init__(self):
            self.free = threading.Event()

        def show(self, frame, result):
            self.free.wait(10)

    stuck, seen = Stuck(), Collect()
    sink = Background(stuck, every_frame=False)
    report = run_live(Numbers(60, 0.002), [keep], [seen, _Freeing(sink, stuck)])
    assert report.frames + report.drops == 60
    assert len(seen.frames) == report.frames
    assert sink.drops >= report.frames - 2  # it holds one result and waits for one


class _Freeing(NullSink):
    """Lets a stuck sink go when the run ends."""

    def __init__(self, sink, stuck):
        self.sink, self.stuck = sink, stuck

    def show(self, frame, result):
        self.sink.show(frame, result)

    def close(self, *, failed):
        self.stuck.free.set()
        self.sink.close(failed=failed)


@pytest.mark.parametrize("end", ["session = None", "", "sys.exit(3)"])
def test_a_session_that_nobody_closed_ends_with_the_program(end):
    program = f"""
import sys
import numpy as np
from tryon import SessionConfig, TryOnSession
from tryon.streaming.demo_clip import DemoClip
session = TryOnSession(config=SessionConfig(threads=1))
session.process(DemoClip(320, 240).frame(0).image)
{end}
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=without_gpu(),
    )
    assert done.returncode == (3 if "exit" in end else 0)
    assert done.stderr == ""
