"""The face cache keeps what was put in; its lists are read from tables."""

from dataclasses import replace

import pytest
import torch

from tryon.errors import ConfigError
from tryon.face.parse_fast import FastParser
from tryon.train.faces import FaceCache, build_cache, main, read_split


def test_a_cache_is_read_as_it_was_written(tmp_path):
    generator = torch.Generator().manual_seed(1)
    cache = FaceCache(
        texture=torch.randint(0, 256, (3, 4, 32, 32), generator=generator, dtype=torch.uint8),
        skin=torch.randint(0, 256, (3, 1, 32, 32), generator=generator, dtype=torch.uint8),
        ita=torch.tensor([60.0, 20.0, -40.0]),
        made_up=torch.tensor([False, True, False]),
        names=("a/one.png", "a/zwei.png", "b/drei.png"),
        splits=("train", "val", "train"),
    )
    cache.save(tmp_path / "new folder" / "faces.safetensors")
    again = FaceCache.load(tmp_path / "new folder" / "faces.safetensors")
    assert (again.names, again.splits, again.size) == (cache.names, cache.splits, 32)
    for name in ("texture", "skin", "ita", "made_up"):
        assert torch.equal(getattr(again, name), getattr(cache, name))
    assert again.indices("train").tolist() == [0, 2]
    assert again.indices("test").tolist() == []


def test_a_missing_cache_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(ConfigError, match=r"python -m tryon\.train\.faces"):
        FaceCache.load(tmp_path / "none.safetensors")


@pytest.fixture
def folder(tmp_path):
    """A folder of portraits: a face, and a picture without one."""
    import numpy as np
    from PIL import Image
    from skimage.data import astronaut

    (tmp_path / "set").mkdir()
    Image.fromarray(astronaut()).save(tmp_path / "set" / "face.png")
    Image.fromarray(np.full((96, 96, 3), 90, np.uint8)).save(tmp_path / "set" / "wall.png")
    (tmp_path / "split.tsv").write_text(
        "file\tsplit\nset/face.png\ttrain\nset/wall.png\tval\n", encoding="utf-8"
    )
    (tmp_path / "set" / "INDEX.tsv").write_text(
        "file\talready_made_up\nface.png\t1\nwall.png\t0\n", encoding="utf-8"
    )
    return tmp_path


def test_tables_say_who_is_in_which_split_and_who_is_made_up(folder):
    split, made_up = read_split(folder / "split.tsv", folder)
    assert split == {"set/face.png": "train", "set/wall.png": "val"}
    assert made_up == {"set/face.png"}


def test_a_portrait_becomes_a_texture_and_a_wall_does_not(folder, capsys):
    out = folder / "faces.safetensors"
    arguments = [str(folder), "--split", str(folder / "split.tsv"), "-o", str(out), "--size", "64"]
    assert main(arguments) == 0
    cache = FaceCache.load(out)
    assert "1 faces at 64" in capsys.readouterr().out
    assert cache.names == ("set/face.png",)
    assert cache.made_up.tolist() == [True]
    assert cache.texture.shape == (1, 4, 64, 64)
    assert 35 < cache.ita.item() < 75  # she has light skin
    seen = cache.texture[0, 3] > 250
    assert 0.4 < seen.float().mean() < 0.8
    assert cache.texture[0, :3][:, seen].float().mean() > 100
    assert cache.skin[0, 0][seen].float().mean() > 150
    direct = build_cache(folder, {"set/face.png": "train"}, set(), 64)
    assert torch.equal(direct.texture, cache.texture)


def test_a_face_turned_further_than_the_atlas_can_show_is_left_out(folder, monkeypatch, capsys):
    detect = FastParser.detect

    def turned(self, image):
        return [replace(face, pose=replace(face.pose, yaw=yaw)) for face in detect(self, image)]

    monkeypatch.setattr(FastParser, "detect", turned)
    split = {"set/face.png": "train"}
    yaw = -39.0
    assert build_cache(folder, split, set(), 64).names == ("set/face.png",)
    yaw = -41.0
    with pytest.raises(ConfigError, match=r"no usable face .* 1 picture"):
        build_cache(folder, split, set(), 64)
    assert "turned by -41 deg" in capsys.readouterr().out


def test_a_missing_split_is_one_line_and_no_traceback(tmp_path, capsys):
    missing = tmp_path / "split.tsv"
    assert main([str(tmp_path), "--split", str(missing), "-o", str(tmp_path / "x")]) == 1
    assert capsys.readouterr().err.startswith(f"error: no file {missing}")
