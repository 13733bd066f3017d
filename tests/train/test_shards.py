"""Shards: whole or not there, the same wherever painted, and pairs as good as fresh ones."""

import pytest
import torch

from tryon.errors import ConfigError, MissingExtraError
from tryon.train.paint_speed import synthetic_faces
from tryon.train.shards import ShardPairs, ShardPlan, build, build_on_ray, paint_shard, read_shard

SIZE = 32


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    path = tmp_path_factory.mktemp("cache") / "faces.safetensors"
    synthetic_faces(SIZE).save(path)
    return path


def test_a_build_that_was_stopped_goes_on_and_paints_the_same(faces, tmp_path, capsys):
    whole = ShardPlan(faces, tmp_path / "whole", SIZE, pairs=4, shards=3)
    assert build(whole) == 3
    half = ShardPlan(faces, tmp_path / "half", SIZE, pairs=4, shards=3)
    paint_shard(half, 2)
    assert half.missing() == [0, 1]
    assert build(half) == 2
    assert build(half) == 0
    for index in range(3):
        assert half.path(index).read_bytes() == whole.path(index).read_bytes()
    assert not list((tmp_path / "half").glob("*.partial"))
    assert "paint" in capsys.readouterr().err


def test_shards_give_pairs_whose_target_wears_the_layer(faces, tmp_path):
    plan = ShardPlan(faces, tmp_path, SIZE, pairs=4, shards=2)
    build(plan)
    batch = read_shard(plan.path(0))
    assert batch.source.shape == (4, 4, SIZE, SIZE)
    assert 0 <= batch.target.min() <= batch.target.max() <= 1
    assert (batch.person != batch.wearer).all()
    source = ShardPairs(plan, seed=1)
    mixed = source.batch(SIZE, 6)
    assert len(mixed) == 6
    assert len(source.batch(SIZE, 6)) == 6
    assert torch.isfinite(mixed.affine).all()
    with pytest.raises(ConfigError, match="32²"):
        source.batch(64, 2)


def test_a_folder_without_shards_is_refused(faces, tmp_path):
    with pytest.raises(ConfigError, match="build them first"):
        ShardPairs(ShardPlan(faces, tmp_path, SIZE))
    with pytest.raises(ConfigError, match="shards = 0"):
        ShardPlan(faces, tmp_path, shards=0)


@pytest.fixture
def ray():
    ray = pytest.importorskip("ray", reason="the extra `batch` is not installed")
    ray.init(num_cpus=1, include_dashboard=False, object_store_memory=80 << 20,
             logging_level="ERROR", log_to_driver=False)  # fmt: skip
    yield ray
    ray.shutdown()


def test_ray_paints_what_is_missing_and_the_same_bytes(faces, tmp_path, ray):
    here = ShardPlan(faces, tmp_path / "here", SIZE, pairs=4, shards=3)
    build(here)
    there = ShardPlan(faces, tmp_path / "there", SIZE, pairs=4, shards=3)
    kept = paint_shard(there, 1)
    before = kept.stat().st_mtime_ns
    assert build_on_ray(there) == 2
    assert kept.stat().st_mtime_ns == before  # what was there is not painted again
    assert build_on_ray(there) == 0
    assert ray.is_initialized()  # a cluster that was joined before is not left
    for index in range(3):
        assert there.path(index).read_bytes() == here.path(index).read_bytes()
    assert not list((tmp_path / "there").glob("*.partial"))


def test_without_ray_the_extra_is_named(faces, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"tryon\[batch\]"):
        build_on_ray(ShardPlan(faces, tmp_path, SIZE, pairs=4, shards=1))
