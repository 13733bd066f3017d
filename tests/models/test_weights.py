from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tryon.errors import WeightsError
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import (
    MANIFEST,
    WEIGHTS,
    Manifest,
    load_model,
    read_manifest,
    save_weights,
    sha256,
    verified_bytes,
    write_manifest,
)

TINY = StudentConfig(size=64, widths=(8, 8, 8, 8), look_widths=(8, 8, 8, 8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_weights(tmp_path, TryOnModel(TINY))
    files = {WEIGHTS: sha256((tmp_path / WEIGHTS).read_bytes())}
    write_manifest(tmp_path, Manifest(TINY.to_json(), files, commit="abc", data=("painted",)))
    return tmp_path


def test_a_model_comes_back_as_it_was_saved(folder: Path) -> None:
    torch.manual_seed(1)
    original, loaded = TryOnModel(TINY).eval(), load_model(folder)
    assert loaded.config == TINY
    assert not loaded.training
    for name, value in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name


def test_the_manifest_comes_back_as_it_was_written(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest.commit, manifest.data, manifest.licence) == ("abc", ("painted",), "Apache-2.0")
    assert manifest.size == 64


def test_one_changed_byte_is_refused(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_model(folder)


def test_missing_files_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_model(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(WeightsError, match="No usable model"):
        load_model(folder)


def test_a_file_the_manifest_does_not_list_is_refused(folder: Path) -> None:
    (folder / "other.bin").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"no other\.bin"):
        verified_bytes(folder, read_manifest(folder), "other.bin")


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": {"size": 64, "widths": [16, 8, 8, 8]}},
        {"architecture": {"size": 64, "colour": 1}},
        {"version": 99},
        {"architecture": {}},
        {"files": {}},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(folder: Path, change: dict[str, object]) -> None:
    values = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(values | change))
    with pytest.raises(WeightsError):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '"x"'])
def test_a_damaged_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(WeightsError, match="No usable model"):
        read_manifest(folder)
