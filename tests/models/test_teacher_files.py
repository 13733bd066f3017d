"""Files of teachers and encoders: equal after loading, small, and honest about what is wrong."""

import json
from dataclasses import replace

import pytest
import torch

from tests.models.tiny_teacher import (
    PICTURES,
    TOWER,
    alive,
    faces,
    layer_teacher,
    write_base,
    write_clip,
)
from tryon.errors import WeightsError
from tryon.models.encoder import CompactTower, new_encoder
from tryon.models.sampling import SampleConfig, sample
from tryon.models.shards import read_shards, write_shards
from tryon.models.teacher_files import (
    load_encoder,
    load_teacher,
    own_state,
    pretrained_teacher,
    save_encoder,
    save_teacher,
)
from tryon.models.weights import Manifest

ABOUT = Manifest({"size": 1}, {})


def rounded(model):
    """The model with weights that bfloat16 holds, as the files do."""
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:  # what is borrowed is not in the files
                value.copy_(value.bfloat16().float())
    return model.eval()


def test_shards_are_small_and_give_back_every_tensor(tmp_path):
    tensors = {f"t{i}": torch.randn(100 + i) for i in range(20)}
    tensors["count"] = torch.tensor(3)
    manifest = write_shards(tmp_path, tensors, ABOUT, dtype=None, limit=1000)
    assert len(manifest.files) > 5
    assert all((tmp_path / name).stat().st_size < 2000 for name in manifest.files)
    back, found = read_shards(tmp_path)
    assert found == manifest
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], value) for name, value in tensors.items())


def test_fewer_shards_leave_none_of_the_old(tmp_path):
    write_shards(tmp_path, {"a": torch.zeros(10), "b": torch.zeros(10)}, ABOUT, limit=20)
    write_shards(tmp_path, {"a": torch.zeros(10)}, ABOUT)
    assert [p.name for p in tmp_path.glob("*.safetensors")] == ["shard-01-of-01.safetensors"]


def test_a_changed_shard_is_refused(tmp_path):
    write_shards(tmp_path, {"a": torch.zeros(10)}, ABOUT)
    file = next(tmp_path.glob("shard-*"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="SHA-256"):
        read_shards(tmp_path)


def test_a_teacher_of_layers_is_whole_in_its_folder(tmp_path):
    teacher = rounded(alive(layer_teacher()))
    save_teacher(tmp_path, teacher)
    back = load_teacher(tmp_path)
    assert back.config == teacher.config
    mask = torch.ones(1, 1, 32, 32)
    condition, reference = faces(teacher)
    with torch.no_grad():
        one, two = (
            sample(t, condition, t.look(reference), mask, SampleConfig(2)) for t in (teacher, back)
        )
    assert torch.equal(one, two)


def test_averaged_weights_are_written_in_their_place(tmp_path):
    teacher = layer_teacher()
    save_teacher(tmp_path, teacher, average={"prompts": torch.ones_like(teacher.prompts)})
    assert bool((load_teacher(tmp_path).prompts == 1).all())


def test_a_teacher_of_pictures_keeps_only_what_it_learned(tmp_path):
    base = write_base(tmp_path / "base")
    config = replace(PICTURES, tower=write_clip(tmp_path / "clip"))
    teacher = rounded(alive(pretrained_teacher(base, config=config)))
    save_teacher(tmp_path / "t", teacher)
    names = set(own_state(teacher))
    assert not [n for n in names if n.startswith(("coder.", "unet.conv_in", "tower.model.embed"))]
    assert any(".processor.to_k." in n for n in names)
    back = load_teacher(tmp_path / "t")
    condition, reference = faces(teacher)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 32:] = 1
    with torch.no_grad():
        one, two = (
            sample(t, condition, t.look(reference), mask, SampleConfig(2)) for t in (teacher, back)
        )
    assert torch.allclose(one, two, atol=1e-3)
    assert torch.equal(one[..., :32], condition.source[..., :32])


def test_absent_weights_name_the_place_and_the_remedy(tmp_path):
    with pytest.raises(WeightsError, match=r"unet of .*nowhere.*give its folder"):
        pretrained_teacher(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="unet of"):
        pretrained_teacher(tmp_path / "empty")


@pytest.mark.parametrize(("shape", "word"), [({"width": 64}, "cross"), ({"channels": 9}, "in_ch")])
def test_weights_of_another_shape_are_named(tmp_path, shape, word):
    base = write_base(tmp_path / "base", **shape)
    config = replace(PICTURES, tower=TOWER)
    with pytest.raises(WeightsError, match=rf"{word}.*stable-diffusion-2-1"):
        pretrained_teacher(base, config=config)


def test_a_clip_of_another_shape_is_named(tmp_path):
    tower = write_clip(tmp_path)
    with pytest.raises(WeightsError, match="hidden_size 32"):
        new_encoder(replace(tower, width=64))
    with pytest.raises(WeightsError, match="24 values"):
        new_encoder(replace(tower, embedding=48))


def test_folders_of_something_else_are_refused(tmp_path):
    write_shards(tmp_path, {"a": torch.zeros(1)}, ABOUT)
    with pytest.raises(WeightsError, match="no teacher"):
        load_teacher(tmp_path)
    with pytest.raises(WeightsError, match="no makeup encoder"):
        load_encoder(tmp_path)


def test_a_manifest_of_another_shape_is_refused(tmp_path):
    save_teacher(tmp_path, layer_teacher())
    path = tmp_path / "manifest.json"
    values = json.loads(path.read_text())
    values["architecture"]["tokens"]["depth"] = 2
    path.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="missing"):
        load_teacher(tmp_path)


@pytest.mark.parametrize("kind", ["compact", "clip"])
def test_an_encoder_comes_back(tmp_path, kind):
    config = TOWER if kind == "compact" else write_clip(tmp_path / "clip")
    torch.manual_seed(0)
    encoder = rounded(new_encoder(config))
    save_encoder(tmp_path / "e", encoder)
    back = load_encoder(tmp_path / "e")
    pictures = torch.rand(2, config.channels, 32, 32)
    with torch.no_grad():
        for one, two in zip(encoder(pictures, ["a", "p"]), back(pictures, ["a", "p"]), strict=True):
            assert torch.allclose(one, two, atol=1e-3)
    if kind == "compact":
        assert isinstance(back.image, CompactTower)
