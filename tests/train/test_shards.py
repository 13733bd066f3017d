"""Shards: whole or not there, the same wherever painted, and pairs as good as fresh ones."""

import pytest
import torch

from tryon.errors import ConfigError
from tryon.train.paint_speed import synthetic_faces
from tryon.train.shards import ShardPairs, ShardPlan, build, paint_shard, read_shard

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
