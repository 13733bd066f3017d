"""Optional weights are found where they ship, or where the user says; else the remedy is named."""

import json

import pytest

from tryon.errors import WeightsError
from tryon.models import shipped


@pytest.fixture
def assets(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "ASSETS", tmp_path)
    return tmp_path


def put(folder, size):
    folder.mkdir()
    manifest = {"architecture": {"size": size}, "files": {}, "data": [], "metrics": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_the_finest_teacher_that_ships_is_taken(assets):
    fine = put(assets / "teacher-compact", 256)
    put(assets / "teacher-small", 128)
    (assets / "teacher-empty").mkdir()
    assert shipped.teacher_folder() == fine


def test_the_encoder_that_ships_is_taken(assets):
    folder = put(assets / "makeup-encoder", 128)
    assert shipped.encoder_folder() == folder


def test_a_folder_that_is_given_comes_first(assets, tmp_path):
    put(assets / "teacher-compact", 256)
    put(assets / "makeup-encoder", 128)
    own = put(tmp_path / "own", 128)
    assert shipped.teacher_folder(own) == shipped.encoder_folder(own) == own


def test_without_weights_the_remedy_is_named(assets, tmp_path):
    with pytest.raises(WeightsError, match="--teacher-weights"):
        shipped.teacher_folder()
    with pytest.raises(WeightsError, match="--encoder"):
        shipped.encoder_folder()
    for find in (shipped.teacher_folder, shipped.encoder_folder):
        with pytest.raises(WeightsError, match="that a training run wrote"):
            find(tmp_path / "none")
