"""A session over time: what it remembers, what takes effect when, and how it ends."""

from __future__ import annotations

import threading
from dataclasses import astuple, replace
from fractions import Fraction

import numpy as np
import pytest

from tests.conftest import difference, frames
from tryon import Frame, SessionConfig, TryOnSession
from tryon.errors import SessionClosedError
from tryon.layer.refresh import RefreshConfig


def test_equal_inputs_give_equal_outputs(look, scene):
    clip = [
        Frame(scene(600 + 8 * k, 360, 250, k), k, Fraction(k, 30)) for k in range(4)
    ]  # fmt: skip
    runs = []
    every_frame = SessionConfig(refresh=RefreshConfig(fps=0))  # else a slow machine's clock counts
    with TryOnSession(look, every_frame) as session:
        for _ in range(2):
            session.reset()
            runs.append([session.process(frame).image for frame in clip])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(runs[0][0], runs[0][3])


def test_makeup_fades_in_on_a_new_face(live_session, portrait):
    change = [
        difference(live_session.process(f).image, portrait).mean() for f in frames(portrait, 8)
    ]
    assert 0 < change[0] < 0.6 * change[-1]
    assert change[5] == pytest.approx(change[-1], rel=0.05)


def test_a_session_for_stills_remembers_nothing(still_session, portrait, scene):
    other = scene(256, 256, 200, size=(512, 512))
    alone = still_session.process(portrait).image
    still_session.process(other)
    np.testing.assert_array_equal(still_session.process(portrait).image, alone)


def test_frames_without_a_time_were_captured_just_now(live_session, portrait):
    for index in range(3):
        live_session.process(Frame(portrait, index))
        threading.Event().wait(0.1)
    shown = live_session.process(Frame(portrait, 3)).image
    live_session.reset()
    first = live_session.process(Frame(portrait, 0)).image
    assert difference(shown, portrait).mean() > 1.5 * difference(first, portrait).mean()


def test_timestamps_that_repeat_or_step_back_are_the_same_stream(live_session, portrait):
    ids = set()
    for seconds in ("1", "1", "0.9", "1.1", "0.5", "1.2"):
        result = live_session.process(Frame(portrait, 0, Fraction(seconds)))
        ids |= {face.track_id for face in result.faces}
        assert (result.image != portrait).any()
    assert len(ids) == 1


def test_a_seek_far_back_starts_afresh(live_session, portrait):
    before = [live_session.process(frame) for frame in frames(portrait, 8, start=100)]
    after = [live_session.process(frame) for frame in frames(portrait, 8, start=3)]
    assert before[-1].faces[0].track_id != after[0].faces[0].track_id
    assert (
        difference(after[0].image, portrait).mean() < difference(before[-1].image, portrait).mean()
    )
    np.testing.assert_array_equal(after[-1].image, before[-1].image)


def test_timings_are_filled_and_add_up(still_session, portrait, wall):
    timings = still_session.process(portrait).timings
    *stages, total = astuple(timings)
    assert min(stages) > 0
    assert sum(stages) <= total * 1.001
    bare = still_session.process(wall).timings
    assert bare.parse > 0
    assert bare.student == bare.composite == 0


# --- two halves --------------------------------------------------------------------------


def test_the_halves_one_frame_apart_give_what_process_gives(look, scene, wall):
    stream = [
        Frame(scene(300, 200 + 3 * k, 260), k, Fraction(k, 30)) if k != 5 else Frame(wall, 5, None)
        for k in range(9)
    ]
    config = SessionConfig(threads=1, overlap="on", refresh=RefreshConfig(fps=0))
    with TryOnSession(look, config) as session, TryOnSession(look, config) as whole:
        parse, wear = session.stages
        waiting, found = parse(stream[0]), []
        for frame in stream[1:]:
            ahead = parse(frame)
            found.append(wear(waiting))
            waiting = ahead
        found.append(wear(waiting))
        for frame, result in zip(stream, found, strict=True):
            np.testing.assert_array_equal(result.image, whole.process(frame).image)


def test_a_seek_in_the_first_half_ends_what_the_second_remembers(look, portrait):
    with TryOnSession(look, SessionConfig(threads=1)) as session:
        late = [session.process(frame) for frame in frames(portrait, 8, start=100)]
        early = session.wear(session.parse(Frame(portrait, 3, Fraction(3, 30))))
    change = [difference(result.image, portrait).mean() for result in (early, late[-1])]
    assert 0 < change[0] < change[1]


@pytest.mark.parametrize(("overlap", "stages"), [("on", 2), ("off", 1), ("auto", 1)])
def test_frames_overlap_where_it_is_asked_for_or_the_student_is_on_a_gpu(overlap, stages):
    with TryOnSession(None, SessionConfig(threads=1, overlap=overlap)) as session:
        assert len(session.stages) == stages


def test_a_closed_session_does_neither_half(look, portrait):
    session = TryOnSession(look, SessionConfig(threads=1))
    parsed = session.parse(portrait)
    session.close()
    for use in (lambda: session.parse(portrait), lambda: session.wear(parsed)):
        with pytest.raises(SessionClosedError):
            use()


# --- threads and the end -----------------------------------------------------------------


def test_a_look_from_another_thread_is_worn_from_a_frame_border_on(
    still_session, portrait, look, bare_look
):
    looks = (look, bare_look.with_intensity("all", 0.5))
    whole = []
    for item in looks:
        still_session.set_look(item)
        whole.append(still_session.process(portrait).image.tobytes())
    seen, done = [], threading.Event()

    def stream():
        while not done.is_set():
            seen.append(still_session.process(portrait).image.tobytes())

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        for k in range(12):
            still_session.set_look(looks[k % 2])
            threading.Event().wait(0.03)
    finally:
        done.set()
        thread.join()
    assert set(seen) == set(whole)  # each frame wears one of them, whole, and both were worn
    assert still_session.process(portrait).image.tobytes() == whole[1]


def test_close_waits_for_the_frame_in_work_and_ends_the_session(look, portrait):
    session = TryOnSession(look, SessionConfig(threads=1))
    working, engine = threading.Event(), session._workplace.engine

    class Slow:
        name, size, close = engine.name, engine.size, engine.close

        def __call__(self, textures, prepared):
            working.set()
            threading.Event().wait(0.2)
            return engine(textures, prepared)

    session._workplace = replace(session._workplace, engine=Slow())
    results = []
    thread = threading.Thread(target=lambda: results.append(session.process(portrait)))
    thread.start()
    assert working.wait(60)
    session.close()
    thread.join()
    assert (results[0].image != portrait).any()
    session.close()
    for use in (lambda: session.process(portrait), lambda: session.set_look(look)):
        with pytest.raises(SessionClosedError, match="open a new TryOnSession"):
            use()


def test_leaving_the_block_closes_even_after_an_error(portrait):
    with pytest.raises(ZeroDivisionError), TryOnSession() as session:
        raise ZeroDivisionError
    with pytest.raises(SessionClosedError):
        session.process(portrait)
