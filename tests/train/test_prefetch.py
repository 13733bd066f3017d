"""Painting ahead: the same kind of batches, workers that end, errors that are heard."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.errors import TryOnError
from tryon.train.data import open_pairs
from tryon.train.faces import FaceCache
from tryon.train.prefetch import Prefetch


@pytest.fixture
def cache(tmp_path):
    """A cache file of eight grey people."""
    inside = brush_fields(32).inside
    grey = torch.arange(90, 250, 20)[:, None, None, None] * inside
    path = tmp_path / "faces.safetensors"
    FaceCache(
        texture=torch.cat([grey, grey, grey, 255 * inside.expand(8, -1, -1, -1)], 1).byte(),
        skin=(255 * inside).expand(8, -1, -1, -1).to(torch.uint8).contiguous(),
        ita=torch.arange(8.0),
        made_up=torch.zeros(8, dtype=torch.bool),
        names=tuple("abcdefgh"),
        splits=("train",) * 4 + ("val",) * 4,
    ).save(path)
    return path


def test_batches_come_painted_and_workers_end(cache):
    with Prefetch(partial(open_pairs, cache), workers=1, ahead=2) as source:
        workers = list(source._workers)
        first, second = source.batch(32, 2), source.batch(32, 2)
        assert first.source.shape == (2, 4, 32, 32)
        assert not torch.equal(first.affine, second.affine)
        # Batches of the old size under way are dropped, not handed out.
        assert source.batch(16, 3).source.shape == (3, 4, 16, 16)
        assert source.batch(16, 2).source.shape == (2, 4, 16, 16)
        assert next(iter(source.held_out(32))).source.shape[1:] == (4, 32, 32)
        assert all(worker.is_alive() for worker in workers)
    assert not any(worker.is_alive() for worker in workers)
    source.close()
    with pytest.raises(TryOnError, match="closed"):
        source.batch(16, 2)


def test_an_error_in_a_worker_reaches_the_trainer():
    # A mapping opens seed 0, which is the trainer's own, and fails for the workers' seeds.
    with Prefetch({0: None}.__getitem__) as source, pytest.raises(TryOnError, match="KeyError: 1"):
        source.batch(32, 2)


def test_a_worker_that_is_killed_is_noticed(cache):
    with Prefetch(partial(open_pairs, cache)) as source:
        source._workers[0].kill()
        start = time.monotonic()
        with pytest.raises(TryOnError, match="gone"):
            source.batch(32, 2)
        assert time.monotonic() - start < 30


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc which processes live")
def test_a_worker_ends_when_its_trainer_is_killed(cache):
    script = (
        "import sys, time; from functools import partial; from pathlib import Path\n"
        "from tryon.train.data import open_pairs; from tryon.train.prefetch import Prefetch\n"
        "if __name__ == '__main__':\n"
        f"    source = Prefetch(partial(open_pairs, Path({str(cache)!r})))\n"
        "    source.batch(16, 1)\n"
        "    print(source._workers[0].pid, flush=True); time.sleep(60)\n"
    )
    file = cache.with_name("trainer.py")
    file.write_text(script)
    trainer = subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE)
    worker = int(trainer.stdout.readline())
    trainer.kill()
    trainer.wait()
    deadline = time.monotonic() + 30
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _alive(worker)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
