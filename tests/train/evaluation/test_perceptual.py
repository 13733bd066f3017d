"""LPIPS: its published parts, a file of tensors, and an archive that is not trusted."""

import io
import pickle
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tryon.errors import ConfigError
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import painted, perceptual
from tryon.train.evaluation.perceptual import LAYERS, Lpips
from tryon.train.variety import HARD


@pytest.fixture(scope="module")
def lpips():
    """The distance with random weights; weightings are positive, as the trained ones are."""
    torch.manual_seed(0)
    found = Lpips().eval()
    for weighting in found.weightings:
        weighting.weight.data.abs_()
    return found


def pictures(seed, count=2, side=64):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_equal_pictures_are_at_distance_zero_and_others_further_the_more_they_differ(lpips):
    first, other = pictures(1), pictures(2)
    assert torch.equal(lpips(first, first), torch.zeros(2))
    near, far = lpips(first, first.lerp(other, 0.1)), lpips(first, first.lerp(other, 0.6))
    assert (0 < near).all()
    assert (near < far).all()


def test_both_ways_are_equally_far_and_a_batch_is_its_pictures(lpips):
    first, other = pictures(1), pictures(2)
    torch.testing.assert_close(lpips(first, other), lpips(other, first))
    torch.testing.assert_close(lpips(first, other)[1:], lpips(first[1:], other[1:]))


def test_it_is_the_published_sum_of_distances_of_unit_features(lpips):
    first, other = pictures(3, 1), pictures(4, 1)
    total = 0.0
    for a, b, head in zip(lpips._seen(first), lpips._seen(other), lpips.weightings, strict=True):
        a, b = a[0].detach().double().numpy(), b[0].detach().double().numpy()
        a, b = (x / np.linalg.norm(x, axis=0) for x in (a, b))
        weights = head.weight.detach().double().numpy().reshape(-1, 1, 1)
        total += (weights * (a - b) ** 2).sum(0).mean()
    assert float(lpips(first, other)) == pytest.approx(total, rel=1e-4)
    assert [x.shape[1] for x in lpips._seen(first)] == [one[1] for one in LAYERS]


def test_a_file_gives_the_same_distance(lpips, tmp_path):
    save_file(lpips.state_dict(), tmp_path / "lpips.safetensors")
    again = Lpips.load(tmp_path / "lpips.safetensors")
    assert torch.equal(again(pictures(1), pictures(2)), lpips(pictures(1), pictures(2)))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("no tensors")
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    for name in ("none", "text", "other.safetensors"):
        with pytest.raises(ConfigError, match=name):
            Lpips.load(tmp_path / name)


def archive(path, data, name=perceptual.ARCHIVED):
    with tarfile.open(path, "w:gz") as files:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        files.addfile(member, io.BytesIO(data))
    return path


def stored(lpips):
    """What the archive holds: Flax names, arrays as (height, width, in, out)."""
    out = {"AlexNet_0": {}}
    for index, (layer, head) in enumerate(zip(lpips.convolutions, lpips.weightings, strict=True)):
        kernel = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
        out["AlexNet_0"][f"Conv_{index}"] = {"kernel": kernel, "bias": layer.bias.detach().numpy()}
        weights = head.weight.detach().numpy().transpose(2, 3, 1, 0)
        out[f"NetLinLayer_{index}"] = {"Conv_0": {"kernel": weights}}
    return out


def test_an_archive_becomes_the_file(lpips, tmp_path, monkeypatch):
    data = pickle.dumps(stored(lpips))
    known = perceptual.hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(perceptual, "ARCHIVED_SHA256", known)
    out = tmp_path / "lpips.safetensors"
    arguments = [str(archive(tmp_path / "a.tar.gz", data)), "--out", str(out)]
    assert perceptual.main(arguments) == 0
    assert torch.equal(Lpips.load(out)(pictures(1), pictures(2)), lpips(pictures(1), pictures(2)))


def test_an_archive_that_is_not_the_known_one_is_not_unpickled(tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return (print, ("unpickled",))

    for data, name in ((pickle.dumps(Evil()), perceptual.ARCHIVED), (b"", "something/else")):
        path = archive(tmp_path / "a.tar.gz", data, name)
        assert perceptual.main([str(path)]) != 0
    assert "unpickled" not in capsys.readouterr().out
    with pytest.raises(pickle.UnpicklingError, match="no array"):
        perceptual._Arrays(io.BytesIO(pickle.dumps(Evil()))).load()


def test_painted_pairs_are_scored_where_a_network_is_given(cache, lpips):
    pairs = PaintedPairs(cache, replace(HARD, held_out=2), foundation=False)
    (batch,) = pairs.held_out(256, "test")
    for item in painted.items_of(batch, batch.target, lpips):
        assert item.lpips == 0
    for item in painted.items_of(batch, 1 - batch.target, lpips):
        assert item.lpips > 0
    assert all(np.isnan(item.lpips) for item in painted.items_of(batch, batch.target))
