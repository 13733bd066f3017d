"""Real makeup is read and lands on other faces; where nothing is known the student speaks."""

import json

import pytest
import torch

from tests.train.lips import RED, SIZE, people
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train import transcribe as command
from tryon.train.losses import composite
from tryon.train.matching import Endpoints, textures
from tryon.train.transcribe import (
    eyes_seen,
    lipstick_of,
    read_styles,
    substrates,
    transcribe,
    wearers,
)

SHADOW = {"eyeshadow": {"opacity": 1.0, "lid": "#2030c0"}}


class Nothing(torch.nn.Module):
    """A student that changes nothing."""

    def forward(self, source, reference):
        ones = torch.ones_like(source[:, :3])
        return torch.cat([ones, 0 * ones], 1)


@pytest.fixture(scope="module")
def cache():
    return people()


def test_only_those_with_lipstick_are_references(cache):
    assert wearers(cache).tolist() == list(RED)


def test_a_red_lipstick_reads_red(cache):
    colour = lipstick_of(substrates(cache, torch.tensor([17])))
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    assert red > 1.8 * green
    assert red > 1.8 * blue


def test_it_lands_on_other_lips_and_nowhere_else(cache):
    source, reference = torch.tensor([30, 60]), torch.tensor([17, 40])
    layer = transcribe(cache, Nothing(), source, reference, read_styles(cache, None)).float()
    before = textures(cache, source, SIZE)
    after = composite(before, layer)
    lips = torch.as_tensor(region_masks(SIZE).of("lips"))
    inside, outside = lips > 0.99, lips == 0
    worn = textures(cache, reference, SIZE)
    for index in range(2):
        wanted = worn[index, :3, inside].mean(1)
        far = (before[index, :3, inside].mean(1) - wanted).norm()
        assert (after[index, :, inside].mean(1) - wanted).norm() < 0.6 * far
    assert (after - before[:, :3])[..., outside].abs().max() < 1e-3


@pytest.fixture
def seen(tmp_path):
    """Portrait 9 wears a blue shadow, and 17 one beside its lipstick."""
    path = tmp_path / "eyes.json"
    path.write_text(json.dumps({"9.png": SHADOW, "17.png": SHADOW}))
    return path


def test_an_eye_makeup_that_was_seen_lands_on_other_lids_with_the_lipstick(cache, seen):
    styles = read_styles(cache, seen)
    assert set(styles) == {9, *RED}
    source, reference = torch.tensor([30, 30]), torch.tensor([9, 17])
    layer = transcribe(cache, Nothing(), source, reference, styles).float()
    before = textures(cache, source, SIZE)[:, :3]
    change = (composite(before, layer) - before).abs().amax(1)
    eyes, lips = (torch.as_tensor(region_masks(SIZE).of(name)) > 0.99 for name in ("eyes", "lips"))
    assert change[:, eyes].amax(1).min() > 0.1
    assert change[0, lips].max() < 1e-3
    assert change[1, lips].mean() > 0.1


def test_of_what_was_seen_only_the_eyes_are_taken(cache, tmp_path):
    path = tmp_path / "eyes.json"
    path.write_text(json.dumps({"9.png": {**SHADOW, "lips": {"opacity": 1.0}}}))
    assert eyes_seen(path, cache)[9].worn() == ("eyeshadow",)


def test_what_names_a_stranger_or_is_no_list_is_refused(cache, tmp_path):
    path = tmp_path / "eyes.json"
    for text, reason in (('{"x.png": {}}', "x.png"), ("[1]", "name -> style"), ("{", "name")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=reason):
            read_styles(cache, path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_styles(cache, tmp_path / "none.json")


def test_the_file_is_what_the_students_training_reads(cache, tmp_path, monkeypatch, capsys):
    cache.save(tmp_path / "faces.safetensors")
    monkeypatch.setattr(command, "load_model", lambda folder: Nothing())
    flags = ["--data", str(tmp_path / "faces.safetensors"), "--out", str(tmp_path / "lips"),
             "--count", "6", "--threads", "1"]  # fmt: skip
    assert command.main(flags) == 0
    assert "6 pairs of" in capsys.readouterr().out
    found = Endpoints.load(tmp_path / "lips")
    assert found.layer.shape == (6, 6, SIZE, SIZE)
    assert set(found.reference.tolist()) <= set(RED)
    assert not (found.source == found.reference).any()


def test_without_lipstick_there_is_nothing_to_read(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "wearers", lambda cache: torch.zeros(0, dtype=torch.long))
    monkeypatch.setattr(command, "load_model", lambda folder: Nothing())
    cache.save(tmp_path / "faces.safetensors")
    with pytest.raises(ConfigError, match="lipstick"):
        command.write(command.TranscribeConfig(tmp_path / "faces.safetensors", threads=1))
