"""Real lipstick is read as a swatch and lands on other lips; beside them the student speaks."""

import pytest
import torch

from tests.train.lips import RED, SIZE, people
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train import transcribe as command
from tryon.train.losses import composite
from tryon.train.matching import Endpoints, textures
from tryon.train.transcribe import lipstick_of, substrates, transcribe, wearers


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
    layer = transcribe(cache, Nothing(), source, reference).float()
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
