import sys
from fractions import Fraction

import numpy as np
import pytest

from tryon.errors import EngineError, MissingExtraError
from tryon.face.parse import MediaPipeParser
from tryon.face.parse_fast import FastParser
from tryon.face.parser import ParserConfig
from tryon.types import Frame

PLACES = [  # centre x, y, face width in px, degrees
    (640, 360, 300, 0),
    (400, 300, 300, 20),
    (900, 400, 300, -35),
    (640, 360, 300, 80),
    (640, 360, 150, 10),
    (640, 360, 500, 0),
    (100, 360, 300, 0),
    (1200, 360, 300, 0),
    (640, 60, 300, 0),
]


@pytest.fixture(scope="module")
def oracle():
    pytest.importorskip("mediapipe")
    parser = MediaPipeParser()
    yield parser
    parser.close()


@pytest.fixture(scope="module")
def fast():
    parser = FastParser(ParserConfig(threads=1))
    yield parser
    parser.close()


def difference(a, b):
    """Mean landmark distance in the picture, px."""
    return np.linalg.norm((a.landmarks - b.landmarks)[:, :2], axis=1).mean()


@pytest.mark.parametrize("place", PLACES)
def test_the_fast_parser_agrees_with_mediapipe(oracle, fast, scene, place):
    image = scene(*place)
    (theirs,), (ours,) = oracle.detect(image), fast.detect(image)
    assert difference(ours, theirs) < 0.05  # measured 0.01 to 0.03


def test_depth_agrees_where_mediapipe_scales_it_right(oracle, fast, scene):
    image = scene(360, 360, 300, 30, size=(720, 720))  # elsewhere it stretches z of turned faces
    (theirs,), (ours,) = oracle.detect(image), fast.detect(image)
    assert np.abs((theirs.landmarks - ours.landmarks)[:, 2]).mean() < 0.3


def test_both_find_two_faces(oracle, fast, pair):
    theirs = sorted(oracle.detect(pair), key=lambda face: face.box)
    ours = sorted(fast.detect(pair), key=lambda face: face.box)
    assert len(theirs) == len(ours) == 2
    assert max(map(difference, ours, theirs)) < 0.1


def test_streams_agree(oracle, fast, scene):
    oracle.reset()
    fast.reset()
    for i in range(5):
        frame = Frame(scene(500 + 20 * i, 360, 300, 3 * i), i)
        (theirs,), (ours,) = oracle.parse(frame), fast.parse(frame)
        # Their detector runs each frame and may replace the region followed from landmarks.
        assert difference(ours, theirs) < 0.01 * theirs.width


def test_no_face_and_tiny_frames(oracle):
    assert oracle.detect(np.zeros((64, 64, 3), np.uint8)) == ()
    assert oracle.parse(Frame(np.zeros((64, 64, 3), np.uint8))) == ()


def test_frame_stamps_that_repeat_or_go_back_are_accepted(oracle, scene):
    oracle.reset()
    for pts in (Fraction(5), Fraction(5), Fraction(1), None):
        assert len(oracle.parse(Frame(scene(), pts=pts))) == 1


def test_close_is_idempotent_and_final(scene):
    pytest.importorskip("mediapipe")
    parser = MediaPipeParser()
    parser.detect(scene())
    parser.close()
    parser.close()
    with pytest.raises(EngineError, match="closed"):
        parser.detect(scene())


def test_without_mediapipe_the_error_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"tryon\[mediapipe\]\""):
        MediaPipeParser()


def test_the_documentation_warns_of_the_metrics():
    assert "metrics" in sys.modules[MediaPipeParser.__module__].__doc__
    assert "metrics" in MediaPipeParser.__doc__
