"""A session that is short of time: the student rests where nothing changes, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.conftest import difference, frames, mesh_pixels
from tryon import SessionConfig, TryOnSession
from tryon.layer.refresh import RefreshConfig

HURRIED = RefreshConfig(fps=1000, most=4)  # a rate that nothing reaches


@pytest.fixture(scope="module")
def _one_hurried() -> Iterator[TryOnSession]:
    with TryOnSession(config=SessionConfig(threads=1, refresh=HURRIED)) as session:
        yield session


class Standing:
    """A session that sees a face that does not move."""

    def __init__(self, session, look, image) -> None:
        self.session, self.image = session, image
        self._next = 0
        session.reset()
        session.set_look(look)
        self.play(20)  # landmarks and fade have settled

    def play(self, count=1):
        """The results of the next frames."""
        start, self._next = self._next, self._next + count
        new = frames(self.image, count, Fraction(start, 30))
        return [self.session.process(frame) for frame in new]


@pytest.fixture
def standing(_one_hurried, look, scene) -> Standing:
    return Standing(_one_hurried, look, scene())


def ran(result) -> bool:
    return result.timings.student > 0


def test_the_student_rests_between_runs_and_the_makeup_stays(standing):
    results = standing.play(9)
    assert [ran(result) for result in results[1:]].count(True) == 2
    face = mesh_pixels(standing.image, *results[-1].faces)
    for before, after in pairwise(results):
        assert difference(after.image, standing.image)[face].mean() > 1
        assert difference(after.image, before.image)[face].mean() < 0.1


def test_a_look_is_worn_in_the_next_frame(standing, look, bare_look):
    for worn in (bare_look, look, bare_look, look, bare_look):  # wherever in its turn it is
        standing.session.set_look(worn)
        (result,) = standing.play()
        assert ran(result)
        standing.play(1)
    standing.session.set_look(None)
    (bare,) = standing.play()
    assert bare.image is standing.image


def test_intensities_do_not_wait_for_the_student(standing):
    for _ in range(4):
        standing.session.set_intensity("all", 0)
        (off,) = standing.play()
        assert difference(off.image, standing.image).max() == 0
        standing.session.set_intensity("all", 1)
        (on,) = standing.play()
        assert difference(on.image, standing.image).max() > 1


def test_after_a_cut_every_face_is_new(standing):
    for _ in range(4):
        standing.session.reset()
        assert ran(standing.play()[0])


def test_a_film_and_stills_run_it_in_every_frame(look, scene):
    image = scene()
    with TryOnSession(look, SessionConfig(threads=1, refresh=HURRIED)) as session:
        assert all(ran(result) for _, result in session.process_all(frames(image, 8)))
    with TryOnSession(look, SessionConfig(stills=True, threads=1, refresh=HURRIED)) as session:
        assert all(ran(session.process(image)) for _ in range(8))
