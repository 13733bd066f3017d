"""Covered faces: what is in front is told, makeup and shadows are not in front."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.train.rig_file import write_hand
from tryon.cosmetics.brushes import brush_fields
from tryon.errors import ConfigError
from tryon.face.unwrap import unwrap_face
from tryon.train.covered import KINDS, Covered
from tryon.train.covering import CoveredFaces, make
from tryon.train.faces import FaceCache
from tryon.train.rig import HandRig


@pytest.fixture(scope="module")
def cache(portrait, portrait_face) -> FaceCache:
    texture = unwrap_face(portrait, portrait_face)
    packed = np.dstack([texture.colour, texture.visibility])
    one = torch.from_numpy((255 * packed).astype(np.uint8)).permute(2, 0, 1)
    inside = (255 * brush_fields(256).inside).to(torch.uint8)
    return FaceCache(
        texture=one.expand(3, -1, -1, -1).contiguous(),
        skin=inside.expand(3, -1, -1, -1).contiguous(),
        ita=torch.full((3,), 40.0),
        made_up=torch.zeros(3, dtype=torch.bool),
        names=("a.png",) * 3,
        splits=("train", "val", "test"),
    )


@pytest.fixture(scope="module")
def faces(cache, portrait, tmp_path_factory) -> CoveredFaces:
    folder = tmp_path_factory.mktemp("faces")
    Image.fromarray(portrait).save(folder / "a.png")
    return CoveredFaces(folder, cache, HandRig(write_hand(folder / "hand.glb")), seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_front_is_told(faces, kind):
    found = [faces(0, kind) for _ in range(6)]
    for texture, hidden, known, number, painted in found:
        assert texture.shape == (4, 128, 128)
        assert hidden.shape == known.shape == (1, 128, 128)
        assert int(number) == KINDS.index(kind)
        assert int(painted) in (0, 1)
    covers = torch.stack([each[1] for each in found]).amax((1, 2, 3))
    assert bool((covers > 200).sum() >= 3) == (kind != "none")
    assert bool(covers.any()) == (kind != "none")


def test_sets_are_made_of_their_people_and_kept(faces, cache, tmp_path):
    made = make(faces, cache, {"train": 3, "val": 1, "test": 2})
    assert made.split.tolist() == [0, 0, 0, 1, 2, 2]
    made.save(tmp_path / "covered.safetensors")
    again = Covered.load(tmp_path / "covered.safetensors")
    assert torch.equal(again.texture, made.texture)
    assert again.of(2).texture.shape[0] == 2


def test_portraits_that_show_a_hand_can_be_left_out(faces, cache):
    with pytest.raises(ConfigError, match="nobody"):
        make(faces, cache, {"train": 2}, without=["a.png"])


def test_missing_faces_are_told_how_to_make(tmp_path):
    with pytest.raises(ConfigError, match=r"tryon\.train\.covering"):
        Covered.load(tmp_path / "none.safetensors")
