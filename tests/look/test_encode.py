"""Photo -> look: whose makeup, how it is completed, and refusals that say what to do."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tryon import Look, Pose
from tryon.errors import ImageError, ReferencePhotoError
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.look import encode
from tryon.look.encode import complete_by_symmetry, encode_photo, less_exposed
from tryon.look.look import MAX_NAME
from tryon.look.sheet import region_colour
from tryon.types import FaceTexture


class Finds:
    """A parser that finds given faces in any picture."""

    name = "fake"

    def __init__(self, *faces):
        self._faces = faces
        self.calls = []

    def detect(self, image):
        self.calls.append("detect")
        return self._faces

    def parse(self, frame):
        self.calls.append("parse")

    def reset(self):
        self.calls.append("reset")

    def close(self):
        self.calls.append("close")


def turned(face, yaw):
    return replace(face, pose=Pose(yaw, 0.0, 0.0))


def narrowed(face, share):
    return replace(face, landmarks=face.landmarks * np.float32(share))


def test_the_makeup_of_the_photo_is_in_the_look(look, bare_look):
    red, _, blue = region_colour(look, "lips")
    assert red > 0.7
    assert blue < 0.25
    bare = region_colour(bare_look, "lips")
    assert np.abs(region_colour(look, "lips") - bare).max() > 0.3
    assert np.abs(region_colour(look, "skin") - region_colour(bare_look, "skin")).max() < 0.02


def test_array_bytes_and_path_give_the_same_look(painted_portrait, look, tmp_path):
    path = tmp_path / "red lips.png"
    Image.fromarray(painted_portrait).save(path)
    for source in (path, str(path), path.read_bytes()):
        again = Look.from_photo(source)
        np.testing.assert_array_equal(again.colour, look.colour)
        np.testing.assert_array_equal(again.visibility, look.visibility)
    assert Look.from_photo(path).name == "red lips"
    assert look.name == "look"
    assert look.provenance == "photo"
    assert look.intensities == (1.0,) * 6


def test_the_face_is_found_upright_whatever_exif_says(painted_portrait, look):
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(painted_portrait)))
    lying.save(buffer, "PNG", exif=exif)
    np.testing.assert_array_equal(Look.from_photo(buffer.getvalue()).colour, look.colour)


def test_views_with_gaps_are_taken(portrait, bare_look):
    wide = np.dstack([portrait, portrait])[..., :3]
    assert not wide.flags.c_contiguous
    np.testing.assert_array_equal(Look.from_photo(wide).colour, bare_look.colour)


def test_a_thing_before_both_cheeks_is_filled_with_skin_and_not_kept(
    portrait, portrait_face, bare_look, monkeypatch
):
    spots = np.zeros(bare_look.visibility.shape, bool)
    spots[140:165, 40:64] = spots[140:165, -64:-40] = True
    assert (bare_look.visibility[spots] > 150).all()
    unwrap = encode.unwrap_face

    def with_flowers(image, face):
        texture = unwrap(image, face)
        colour = np.where(spots[..., None], np.float32([1.0, 0.2, 0.9]), texture.colour)
        return FaceTexture(colour.astype(np.float32), texture.visibility)

    def found(texture):  # not to the last texel, as networks do
        hidden = spots & np.roll(spots, 2, 0)
        return FaceTexture(texture.colour, texture.visibility * ~hidden)

    monkeypatch.setattr(encode, "unwrap_face", with_flowers)
    flowered = encode_photo(portrait, Finds(portrait_face))
    monkeypatch.setattr(encode, "uncovered", found)
    filled = encode_photo(portrait, Finds(portrait_face))
    wrong, left = (
        np.abs(look.colour[spots].astype(int) - bare_look.colour[spots]).mean()
        for look in (flowered, filled)
    )
    assert wrong > 60
    assert left < 20
    away = ~np.isin(np.arange(spots.shape[0]), range(130, 175))
    np.testing.assert_array_equal(filled.colour[away], flowered.colour[away])


def test_file_names_become_printable_names(portrait, portrait_face, tmp_path):
    path = tmp_path / ("a\x85b\u202ec" + 230 * "x" + ".png")
    Image.fromarray(portrait).save(path)
    name = Look.from_photo(path, parser=Finds(portrait_face)).name
    assert name.startswith("a_b_cx")
    assert len(name) == MAX_NAME


def test_no_face_is_refused():
    wall = np.full((300, 400, 3), 128, np.uint8)
    with pytest.raises(ReferencePhotoError, match="no face found in the reference; use"):
        Look.from_photo(wall)


def test_several_faces_are_refused_with_their_number(pair):
    with pytest.raises(ReferencePhotoError, match="2 faces in the reference; crop"):
        Look.from_photo(pair)


def test_a_small_face_is_refused_with_the_size_it_needs(scene):
    with pytest.raises(ReferencePhotoError, match=r"is \d\d px wide; it needs 64 px"):
        Look.from_photo(scene(100, 100, 56, size=(200, 200)))


def test_a_face_in_the_background_does_not_disturb(portrait, portrait_face, bare_look):
    parser = Finds(narrowed(portrait_face, 0.4), portrait_face)
    look = Look.from_photo(portrait, parser=parser)
    np.testing.assert_array_equal(look.colour, bare_look.colour)
    with pytest.raises(ReferencePhotoError, match="2 faces"):
        Look.from_photo(portrait, parser=Finds(narrowed(portrait_face, 0.5), portrait_face))


@pytest.mark.parametrize("yaw", [-80.0, -46.0, 46.0, 80.0])
def test_a_profile_is_refused_with_its_angle(portrait, portrait_face, yaw):
    with pytest.raises(ReferencePhotoError, match=rf"profile \(turned {abs(yaw):.0f} deg\).* 45"):
        Look.from_photo(portrait, parser=Finds(turned(portrait_face, yaw)))


@pytest.mark.parametrize("yaw", [-44.0, 0.0, 44.0])
def test_a_turned_head_is_no_profile(portrait, portrait_face, yaw):
    assert Look.from_photo(portrait, parser=Finds(turned(portrait_face, yaw))).size == 256


def test_a_parser_of_the_caller_keeps_its_stream_and_stays_open(portrait, portrait_face):
    parser = Finds(portrait_face)
    Look.from_photo(portrait, parser=parser)
    assert parser.calls == ["detect"]


@pytest.mark.parametrize(
    "bad",
    [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3)), b"junk"],
)
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(ImageError):
        Look.from_photo(bad)


def textures(seed=0):
    random = np.random.default_rng(seed)
    return random.random((64, 64, 3), np.float32), random.random((64, 64), np.float32)


def test_the_hidden_side_is_mirrored_from_the_seen_one():
    colour, _ = textures()
    seen = np.ones((64, 64), np.float32)
    seen[:, :32] = 0
    whole = complete_by_symmetry(FaceTexture(colour, seen))
    np.testing.assert_array_equal(whole.colour[:, 32:], colour[:, 32:])
    np.testing.assert_allclose(whole.colour[:, :32], colour[:, :31:-1], atol=1e-6)
    assert (whole.visibility == 1).all()


def test_what_is_seen_as_well_as_its_mirror_stays():
    colour, half = textures()
    even = np.maximum(half, half[:, ::-1])
    whole = complete_by_symmetry(FaceTexture(colour, even))
    np.testing.assert_array_equal(whole.colour, colour)
    np.testing.assert_array_equal(whole.visibility, even)


def test_completion_never_sees_less():
    colour, seen = textures()
    given = colour.copy()
    whole = complete_by_symmetry(FaceTexture(colour, seen))
    assert (whole.visibility >= seen).all()
    assert (whole.visibility <= np.maximum(seen, seen[:, ::-1]) + 1e-6).all()
    np.testing.assert_array_equal(colour, given)


def test_on_a_face_with_one_side_hidden_both_lips_halves_are_red(painted_portrait, portrait_face):
    texture = unwrap_face(painted_portrait, portrait_face)
    half = texture.visibility.copy()
    half[:, :128] = 0
    grey = texture.colour.copy()
    grey[:, :128] = 0.5
    whole = complete_by_symmetry(FaceTexture(grey, half))
    lips = region_masks(256).of("lips") > 0.9
    lips[:, 128:] = False
    red, green, _ = np.median(whole.colour[lips], 0)
    assert red > green + 0.4


def test_an_over_exposed_reference_is_darkened_and_others_are_not(look):
    texture = look.texture
    assert less_exposed(texture) is texture
    bright = FaceTexture(np.clip(1.9 * texture.colour + 0.25, 0, 1), texture.visibility)
    darker = less_exposed(bright)
    skin = (region_masks(256).of("cheeks") > 0.9) & (texture.visibility > 0.5)
    assert np.median(bright.colour[skin]) > 0.8
    assert np.median(darker.colour[skin]) < 0.75
    assert (darker.colour <= bright.colour + 1e-6).all()
    nothing = FaceTexture(bright.colour, np.zeros_like(bright.visibility))
    assert less_exposed(nothing) is nothing


def test_what_a_hand_hides_on_one_side_is_taken_from_the_other(painted_portrait, portrait_face):
    from tryon.train.evaluation.occluders import OCCLUDERS

    drawn = OCCLUDERS["microphone"](painted_portrait, portrait_face)  # on the left half
    mask = np.repeat((255 * drawn.mask).astype(np.uint8)[..., None], 3, 2)
    under = unwrap_face(mask, portrait_face).colour[..., 0] > 0.99
    under[:, : under.shape[1] // 2] = False
    lips = region_masks(len(under)).of("lips") * under
    parser = Finds(portrait_face)
    red = {
        name: np.average(encode_photo(image, parser).colour[..., 0].astype(float), weights=lips)
        for name, image in (("free", painted_portrait), ("covered", drawn.image))
    }
    assert lips.sum() > 50
    assert red["covered"] > 0.8 * red["free"]
