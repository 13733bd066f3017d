"""A packed face cache is small, and nearly the same when unpacked."""

import pytest
import torch

from tryon.errors import ConfigError
from tryon.train.faces import FaceCache
from tryon.train.pack import main, pack, unpack


@pytest.fixture
def cache():
    ramp = torch.linspace(40, 220, 64).to(torch.uint8)
    texture = torch.stack((ramp.expand(64, 64), ramp.flip(0).expand(64, 64).T,
                           ramp.expand(64, 64).T, ramp.expand(64, 64)))  # fmt: skip
    textures = torch.stack((texture, texture.flip(-1), texture // 2)).contiguous()
    return FaceCache(
        textures, textures[:, :1].contiguous(), torch.tensor([10.0, 20.0, -5.0]),
        torch.tensor([False, True, False]), ("a", "b", "c"), ("train", "val", "test"),
    )  # fmt: skip


def test_a_cache_comes_back_nearly_the_same(cache, tmp_path):
    pack(cache, tmp_path / "small")
    back = unpack(tmp_path / "small")
    for name in ("texture", "skin"):
        one, two = (getattr(c, name).short() for c in (cache, back))
        assert one.shape == two.shape
        assert float((one - two).abs().float().mean()) < 1
        assert int((one - two).abs().max()) <= 8
    assert torch.equal(back.ita, cache.ita)
    assert torch.equal(back.made_up, cache.made_up)
    assert (back.names, back.splits) == (cache.names, cache.splits)


def test_the_command_packs_and_unpacks(cache, tmp_path, capsys):
    whole, small, again = (tmp_path / name for name in ("whole", "small", "again"))
    cache.save(whole)
    assert main([str(whole), "-o", str(small)]) == 0
    assert small.stat().st_size < 0.4 * whole.stat().st_size
    assert main([str(small), "-o", str(again), "--unpack"]) == 0
    assert torch.equal(FaceCache.load(again).texture, unpack(small).texture)
    assert "MB" in capsys.readouterr().out


def test_what_is_no_packed_cache_is_refused(cache, tmp_path):
    cache.save(tmp_path / "whole")
    for name in ("whole", "none"):
        with pytest.raises(ConfigError, match="no packed face cache"):
            unpack(tmp_path / name)
    with pytest.raises(ConfigError, match="quality"):
        pack(cache, tmp_path / "small", quality=0)
