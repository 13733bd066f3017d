"""What is in front of a face is seen, and what belongs to it is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.errors import EngineError, WeightsError
from tryon.face import occlusion
from tryon.face.occlusion import Occlusion, uncovered, widened
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.train.evaluation.occluders import OCCLUDERS
from tryon.types import FaceTexture


@pytest.fixture(scope="module")
def network() -> Occlusion:
    return Occlusion(1)


def packed(texture: FaceTexture) -> np.ndarray:
    return np.dstack([texture.colour, texture.visibility])


def left(texture: FaceTexture, visible: np.ndarray, region: str) -> float:
    """Share of a region's visibility that is left."""
    weight = region_masks(len(visible)).of(region)
    return float((weight * visible).sum() / (weight * texture.visibility).sum())


def visible(network: Occlusion, texture: FaceTexture) -> np.ndarray:
    return texture.visibility * widened(network(packed(texture)), len(texture.visibility))


@pytest.mark.parametrize("region", ["lips", "eyes", "cheeks", "nose", "skin"])
def test_a_bare_face_is_seen_in_full(network, portrait, portrait_face, region):
    texture = unwrap_face(portrait, portrait_face)
    assert left(texture, visible(network, texture), region) > 0.99


@pytest.mark.parametrize("region", ["lips", "eyes"])
def test_makeup_is_not_in_front_of_a_face(network, painted_portrait, portrait_face, region):
    texture = unwrap_face(painted_portrait, portrait_face)
    assert left(texture, visible(network, texture), region) > 0.99


@pytest.mark.parametrize(
    ("thing", "region"), [("cup", "lips"), ("fingers", "lips"), ("glasses", "eyes")]
)
def test_a_thing_hides_what_is_behind_it_and_no_more(
    network, portrait, portrait_face, thing, region
):
    drawn = OCCLUDERS[thing](portrait, portrait_face)
    texture = unwrap_face(drawn.image, portrait_face)
    mask = np.repeat((255 * drawn.mask).astype(np.uint8)[..., None], 3, 2)
    behind = unwrap_face(mask, portrait_face).colour[..., 0] > 0.99
    share = visible(network, texture) / np.maximum(texture.visibility, 1e-6)
    weight = region_masks().of(region) * texture.visibility
    assert np.average(share, weights=weight * behind) < 0.3
    other = "eyes" if region == "lips" else "lips"
    assert left(texture, share * texture.visibility, other) > 0.98


def test_it_answers_in_any_multiple_of_its_size_and_refuses_others(
    network, portrait, portrait_face
):
    texture = unwrap_face(portrait, portrait_face, 512)
    assert visible(network, texture).shape == (512, 512)
    with pytest.raises(EngineError, match="multiple of 256"):
        network(np.zeros((128, 128, 4), np.float32))


def test_a_texture_keeps_its_colours_and_is_not_written_to(portrait, portrait_face):
    covered = OCCLUDERS["cup"](portrait, portrait_face).image
    texture = unwrap_face(covered, portrait_face)
    before = packed(texture).copy()
    less = uncovered(texture)
    assert less.colour is texture.colour
    assert np.array_equal(packed(texture), before)
    assert left(texture, less.visibility, "lips") < 0.7


@pytest.mark.parametrize("end", [".xml", ".bin"])
def test_a_damaged_network_is_refused(monkeypatch, end):
    monkeypatch.setitem(occlusion.SHA256, end, "0" * 64)
    with pytest.raises(WeightsError, match="reinstall"):
        Occlusion(1)
