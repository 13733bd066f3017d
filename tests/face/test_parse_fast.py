import numpy as np
import pytest

from tryon.errors import ConfigError, EngineError, ImageError
from tryon.face.parse_fast import FastParser
from tryon.face.parser import ParserConfig
from tryon.types import Frame


@pytest.fixture(scope="module")
def parser():
    parser = FastParser(ParserConfig(threads=1))
    yield parser
    parser.close()


@pytest.fixture(autouse=True)
def _fresh(parser):
    parser.reset()


def distance(a, b):
    """Mean landmark distance in the picture, px."""
    return np.linalg.norm((a.landmarks - b.landmarks)[:, :2], axis=1).mean()


def counted(parser, monkeypatch):
    """Count the detector's runs from now on."""
    runs = []
    inner = parser._detector.run
    monkeypatch.setattr(parser._detector, "run", lambda: (runs.append(1), inner())[1])
    return runs


def test_a_face_is_found_where_it_is(parser, scene):
    (face,) = parser.detect(scene(400, 300, 300))
    x0, y0, x1, y1 = face.box
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    assert abs((x0 + x1) / 2 - 400) < 20
    assert abs((y0 + y1) / 2 - 330) < 60
    assert face.width == pytest.approx(300, rel=0.15)
    assert face.confidence > 0.99
    assert face.track_id == -1
    nose, ear = face.landmarks[4], face.landmarks[234]
    assert nose[2] < ear[2]  # z is negative towards the camera


def test_the_network_runs_in_float32_whatever_else_the_cpu_has(parser):
    compiled = parser._landmarker._request.get_compiled_model()
    assert "float32" in str(compiled.get_property("INFERENCE_PRECISION_HINT"))


@pytest.mark.parametrize("degrees", [-60, -25, 25, 60])
def test_roll_and_landmarks_turn_with_the_picture(parser, scene, degrees):
    (straight,) = parser.detect(scene())
    (turned,) = parser.detect(scene(degrees=degrees))
    assert turned.pose.roll - straight.pose.roll == pytest.approx(-degrees, abs=4)


def test_a_mirrored_picture_mirrors_the_yaw(parser, scene):
    (face,) = parser.detect(scene(degrees=5))
    (mirror,) = parser.detect(scene(degrees=5)[:, ::-1])
    assert mirror.pose.yaw == pytest.approx(-face.pose.yaw, abs=3)
    assert mirror.pose.pitch == pytest.approx(face.pose.pitch, abs=3)


def test_the_stream_follows_a_moving_face_as_well_as_single_stills(parser, scene):
    for i in range(6):
        image = scene(400 + 30 * i, 330, 280, 4 * i)
        (followed,) = parser.parse(Frame(image, i))
        (still,) = parser.detect(image)
        assert distance(followed, still) < 0.01 * still.width


def test_a_followed_face_needs_no_detector(parser, scene, monkeypatch):
    single = FastParser(ParserConfig(max_faces=1, threads=1))
    single.parse(Frame(scene()))
    runs = counted(single, monkeypatch)
    for i in range(25):
        assert len(single.parse(Frame(scene(), i))) == 1
    assert runs == []
    single.close()


def test_newcomers_are_searched_every_few_frames_only(parser, scene, pair, monkeypatch):
    parser.parse(Frame(scene()))
    runs = counted(parser, monkeypatch)
    seen = [len(parser.parse(Frame(pair, i))) for i in range(12)]
    assert seen[-1] == 2
    assert len(runs) <= 2


def test_a_lost_face_is_searched_at_once(parser, scene):
    parser.parse(Frame(scene(250, 360)))
    (face,) = parser.parse(Frame(scene(1000, 360)))
    assert abs(face.landmarks[4, 0] - 1000) < 60


@pytest.mark.parametrize("width", [75, 100, 150])
def test_a_far_face_is_found_in_a_still_and_soon_in_a_stream(parser, scene, width):
    picture = np.full((1080, 1920, 3), 127, np.uint8)
    small = scene(width, width, width, size=(2 * width, 3 * width))
    picture[600 : 600 + small.shape[0], 1300 : 1300 + small.shape[1]] = small
    (still,) = parser.detect(picture)
    assert still.width == pytest.approx(width, rel=0.2)
    found = [bool(parser.parse(Frame(picture, i))) for i in range(60)]
    assert all(found[-10:])  # found in the course of two seconds, and followed since
    assert distance(parser.parse(Frame(picture, 60))[0], still) < 0.05 * width


def test_two_faces(parser, pair):
    for faces in (parser.detect(pair), parser.parse(Frame(pair))):
        assert len(faces) == 2
        noses = sorted(face.landmarks[4, 0] for face in faces)
        assert abs(noses[0] - 360) < 40
        assert abs(noses[1] - 940) < 40


def test_max_faces_is_a_limit(pair):
    single = FastParser(ParserConfig(max_faces=1, threads=1))
    assert len(single.detect(pair)) == 1
    assert len(single.parse(Frame(pair))) == 1
    single.close()


def test_two_regions_on_one_face_become_one(parser, scene):
    parser.parse(Frame(scene()))
    parser._rois = [parser._rois[0], parser._rois[0]]
    assert len(parser.parse(Frame(scene()))) == 1


def test_no_face_is_no_answer(parser, scene):
    rng = np.random.default_rng(0)
    for image in (
        np.zeros((720, 1280, 3), np.uint8),
        rng.integers(0, 256, (480, 640, 3), np.uint8),
    ):
        assert parser.detect(image) == ()
        assert parser.parse(Frame(image)) == ()
    parser.parse(Frame(scene()))
    assert parser.parse(Frame(np.zeros((720, 1280, 3), np.uint8))) == ()  # and the face is let go


def test_a_face_cut_by_the_border_is_found_and_reaches_outside(parser, scene):
    (left,) = parser.detect(scene(60, 360))
    assert left.box[0] < 0
    (top,) = parser.detect(scene(640, 60))
    assert top.box[1] < 0


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (3840, 2160), (400, 1000)])
def test_any_size_of_frame(parser, scene, size):
    width, height = size
    face = 0.6 * min(size)
    (found,) = parser.detect(scene(width / 2, height / 2, face, size=size))
    assert found.width == pytest.approx(face, rel=0.2)
    assert parser.detect(np.zeros((height, width, 3), np.uint8)) == ()


@pytest.mark.parametrize("size", [(1, 1), (2, 2000), (64, 1)])
def test_absurd_frames_show_no_face(parser, size):
    assert parser.detect(np.full((*size, 3), 128, np.uint8)) == ()
    assert parser.parse(Frame(np.full((*size, 3), 128, np.uint8))) == ()


def test_the_same_face_at_twice_the_size_has_twice_the_coordinates(parser, scene):
    import cv2

    image = scene()
    (small,) = parser.detect(image)
    (large,) = parser.detect(cv2.resize(image, None, fx=2, fy=2))
    assert np.abs(large.landmarks[:, :2] / 2 - small.landmarks[:, :2]).mean() < 0.01 * small.width


def test_stills_do_not_disturb_the_stream(parser, scene):
    parser.parse(Frame(scene()))  # the first region comes from the detector, later ones settle
    before = parser.parse(Frame(scene()))
    parser.detect(scene(1000, 300, 200))
    after = parser.parse(Frame(scene()))
    assert distance(before[0], after[0]) < 1


def test_infinite_output_is_no_face(parser, scene, monkeypatch):
    outputs = [np.full((1, 1, 1, 1434), np.nan, np.float32), np.full((1, 1, 1, 1), 9, np.float32)]
    monkeypatch.setattr(parser._landmarker, "run", lambda: outputs)
    assert parser.detect(scene()) == ()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(parser, image):
    with pytest.raises(ImageError, match="uint8"):
        parser.detect(image)


def test_views_are_accepted(parser, scene):
    image = scene()
    padded = np.concatenate([image, image], axis=2)[:, :, :3]
    assert not padded.flags.c_contiguous
    assert len(parser.detect(padded)) == 1


@pytest.mark.parametrize(
    "setting",
    [{"max_faces": 0}, {"max_faces": 5}, {"threads": 0}, {"min_presence": float("nan")}],
)
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ParserConfig(**setting)


def test_close_is_idempotent_and_final(scene):
    parser = FastParser(ParserConfig(threads=1))
    parser.close()
    parser.close()
    with pytest.raises(EngineError, match="closed"):
        parser.detect(scene())
