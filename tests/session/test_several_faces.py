"""Several people: a look each, that stays with them through crossings, blinks and absences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from tests.conftest import MIDDLE, WIDTH, difference, frames, mesh_pixels
from tryon import Frame, SessionConfig, TryOnSession

SIZE = (640, 360)
FACE = 100  # px


def put(canvas, portrait, x, y, mirrored=False):
    """Draw the head of the portrait with its face at (x, y), in place."""
    import cv2

    zoom = FACE / WIDTH
    source = np.ascontiguousarray(portrait[:, ::-1]) if mirrored else portrait
    middle = portrait.shape[1] - 1 - MIDDLE[0] if mirrored else MIDDLE[0]
    matrix = np.float32([[zoom, 0, x - zoom * middle], [0, zoom, y - zoom * MIDDLE[1]]])
    head = cv2.warpAffine(source, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(SIZE[::-1], np.float32)
    axes = (int(0.85 * FACE), int(1.05 * FACE))
    cv2.ellipse(mask, (round(x), round(y)), axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.04 * FACE)[..., None]
    canvas[:] = canvas + mask * (head.astype(np.float32) - canvas)


def crossing(portrait, count) -> Iterator[tuple[np.ndarray, tuple[float, float]]]:
    """Two people walk past each other, one in front; pictures and where each is."""
    for k in range(count):
        t = k / (count - 1)
        canvas = np.full((*SIZE[::-1], 3), 120, np.uint8)
        front, back = 120 + 400 * t, 520 - 400 * t
        put(canvas, portrait, back, 180, mirrored=True)
        put(canvas, portrait, front, 180)
        yield canvas, (front, back)


@pytest.fixture(scope="module")
def duo() -> Iterator[TryOnSession]:
    with TryOnSession(config=SessionConfig(threads=1, max_faces=2)) as session:
        yield session


@pytest.fixture
def two(duo) -> TryOnSession:
    duo.set_look(None)
    duo.reset()
    return duo


def change_at(x, image, result):
    """Mean change of the face around x, and whether it was found."""
    for face in result.faces:
        left, _, right, _ = face.box
        if abs((left + right) / 2 - x) < 30:
            change = difference(result.image, image)[mesh_pixels(image, face)]
            return face.track_id, change.mean()
    return None, 0.0


@pytest.mark.parametrize("count", [30, 60])
def test_each_look_stays_with_its_face_through_a_crossing(two, portrait, look, count):
    names, ends = {}, {}
    for k, (image, (front, back)) in enumerate(crossing(portrait, count)):
        result = two.process(Frame(image, k, Fraction(k, 30)))
        if k == 0:
            names = {x: change_at(x, image, result)[0] for x in (front, back)}
            (front_id, back_id) = names.values()
            two.set_look(look, face=front_id)
        if k == count - 1:
            ends = {
                "front": change_at(front, image, result),
                "back": change_at(back, image, result),
            }
    assert ends["front"][0] == front_id
    assert ends["back"][0] == back_id
    assert ends["front"][1] > 1
    assert ends["back"][1] == 0


def test_faces_wear_looks_of_their_own_at_intensities_of_their_own(two, pair, look, bare_look):
    first = two.process(Frame(pair, 0, Fraction(0)))
    left, right = (face.track_id for face in first.faces)
    for face in first.faces:
        two.set_look(look, face=face.track_id)
    two.set_intensity("all", 0.0, face=right)

    def changes(start):
        for frame in frames(pair, 8, start):
            result = two.process(frame)
        return [difference(result.image, pair)[mesh_pixels(pair, f)].mean() for f in result.faces]

    both = changes(1)
    assert both[0] > 0.5
    assert both[1] == 0
    two.set_intensity("all", 1.0)  # everybody
    assert changes(2)[1] > 0.5
    two.set_look(None, face=left)
    after = changes(3)
    assert after[0] == 0
    assert after[1] > 0.5
    two.set_look(look)  # everybody, whatever they wore
    assert min(changes(4)) > 0.5


def test_faces_with_one_look_are_painted_as_if_each_were_alone(pair, look):
    """One batch for both gives what two single runs give."""
    config = SessionConfig(threads=1, max_faces=2, stills=True)
    with TryOnSession(look, config) as session:
        together = session.process(pair)
        calls = []
        engine = session._workplace.engine

        class Counting:
            name, size, close, prepare = engine.name, engine.size, engine.close, engine.prepare

            def __call__(self, textures, prepared):
                calls.append(len(textures))
                return engine(textures, prepared)

        session._workplace = replace(session._workplace, engine=Counting())
        np.testing.assert_array_equal(session.process(pair).image, together.image)
        assert calls == [2]
        session._wardrobe.set_look(look, face=session.process(pair).faces[0].track_id + 2)
        calls.clear()
        np.testing.assert_array_equal(session.process(pair).image, together.image)
        assert calls == [1, 1]


# --- coming and going --------------------------------------------------------------------


class Blinking:
    """A parser that overlooks everybody in some frames."""

    def __init__(self, parser, blind):
        self._parser, self._blind = parser, blind
        self.name, self.close, self.reset = parser.name, parser.close, parser.reset

    def parse(self, frame):
        faces = self._parser.parse(frame)
        return () if frame.index in self._blind else faces


@pytest.fixture
def blink(two, monkeypatch):
    def start(*blind):
        monkeypatch.setattr(two._parsing, "parser", Blinking(two._parsing.parser, blind))
        return two

    return start


def test_makeup_stays_through_a_blink_of_detection(blink, portrait, look):
    session = blink(8, 9)
    session.set_look(look)
    change = [difference(session.process(f).image, portrait).mean() for f in frames(portrait, 13)]
    assert change[7] > 0
    for index in range(8, 13):
        assert change[index] > 0.7 * change[7], index


def test_makeup_of_a_face_that_stays_lost_fades_away_steadily(blink, portrait, look):
    session = blink(*range(8, 20))
    session.set_look(look)
    results = [session.process(f) for f in frames(portrait, 20)]
    change = [difference(r.image, portrait).mean() for r in results]
    falling = change[7:16]
    assert all(b <= a for a, b in pairwise(falling))
    assert 0 < change[10] < 0.9 * change[7]
    assert change[15] == 0
    assert results[15].image is not None
    assert results[10].faces == ()  # and the face is not invented


def test_after_a_cut_nothing_of_the_old_face_is_left(two, portrait, look):
    two.set_look(look)
    for frame in frames(portrait, 8):
        two.process(frame)
    other = np.ascontiguousarray(np.rot90(portrait, 2))[:, ::-1].copy()
    other[:] = 255 - other
    result = two.process(Frame(other, 8, Fraction(8, 30)))
    assert result.faces == ()
    np.testing.assert_array_equal(result.image, other)


def test_intensity_zero_takes_the_held_makeup_off_too(blink, portrait, look):
    session = blink(8)
    session.set_look(look)
    clip = frames(portrait, 9)
    for frame in clip[:8]:
        session.process(frame)
    session.set_intensity("all", 0)
    assert session.process(clip[8]).image is portrait
