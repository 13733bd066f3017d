"""Painted pairs on disk: built once with a progress bar, resumable, by one machine or by many.

`python -m tryon.train.shards FACES -o FOLDER --shards 200`. Every shard belongs to its number
alone, so that any process can paint any shard and a build that was stopped goes on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tryon.console import run_main
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.errors import ConfigError, MissingExtraError
from tryon.train.data import PaintedPairs
from tryon.train.faces import FaceCache
from tryon.train.pairs import PairBatch, concatenate

PICTURES = ("source", "reference")
STORE = 100 << 20  # bytes of shared memory for a cluster of our own; only shard numbers pass
QUIET = {"logging_level": "ERROR", "log_to_driver": False}


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What a folder of shards holds; the same plan gives the same bytes wherever it is painted."""

    faces: Path  # face cache
    out: Path  # folder of shards
    size: int = 256  # texels a side
    pairs: int = 32  # in a shard
    shards: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "pairs", "shards"):
            if not 1 <= getattr(self, name) <= 10**7:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a whole number from 1")

    def path(self, index: int) -> Path:
        """File of a shard."""
        return self.out / f"pairs-{self.size}-{index:06d}.safetensors"

    def missing(self) -> list[int]:
        """Shards that are not painted yet."""
        return [index for index in range(self.shards) if not self.path(index).exists()]


def paint_shard(plan: ShardPlan, index: int) -> Path:
    """Paint one shard; the file appears when it is whole."""
    from safetensors.torch import save_file

    source = PaintedPairs(_faces(plan.faces), seed=(plan.seed << 24) + index)
    batch = source.batch(plan.size, plan.pairs)
    target = plan.path(index)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.partial")
    save_file(_packed(batch), temporary)
    os.replace(temporary, target)
    return target


def build(plan: ShardPlan) -> int:
    """Paint what is missing, one after another; returns how many were."""
    from tqdm import tqdm

    missing = plan.missing()
    done = plan.shards - len(missing)
    with tqdm(total=plan.shards, initial=done, desc="paint", unit="shard") as bar:
        for index in missing:
            paint_shard(plan, index)
            bar.update()
    return len(missing)


def build_on_ray(plan: ShardPlan) -> int:
    """The same with Ray Data on as many machines as it has; the folder must be shared by them.

    It joins the cluster that this machine is part of, or starts one and ends it after.

    Raises:
        MissingExtraError: Ray Data is not installed.
    """
    missing = plan.missing()
    if not missing:
        return 0
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        try:
            ray.init(address="auto", **QUIET)
        except ConnectionError:
            ray.init(include_dashboard=False, object_store_memory=STORE, **QUIET)
    try:
        # One shard a task: a lost machine costs one shard, and Ray paints it again elsewhere.
        numbers = ray.data.from_items(missing, override_num_blocks=len(missing))
        painted = numbers.map_batches(_paint_rows, fn_kwargs={"plan": plan}, batch_size=1)
        return int(painted.materialize().count())
    finally:
        if own:
            ray.shutdown()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError('Ray Data is not installed; pip install "tryon[batch]"') from None
    return ray


def _paint_rows(rows: dict[str, Any], plan: ShardPlan) -> dict[str, Any]:
    torch.set_num_threads(1)  # a task has one CPU
    for index in rows["item"]:
        paint_shard(plan, int(index))
    return rows


class ShardPairs:
    """A `PairSource` that reads painted shards; held-out pairs are painted from the face cache."""

    def __init__(self, plan: ShardPlan, seed: int = 0) -> None:
        """Open a folder.

        Raises:
            ConfigError: no shard has been painted.
        """
        self._plan = plan
        self._paths = [p for p in map(plan.path, range(plan.shards)) if p.exists()]
        if not self._paths:
            raise ConfigError(f"no shards of {plan.size}² in {plan.out}; build them first")
        self._rng = torch.Generator().manual_seed(seed)
        self._kept: list[PairBatch] = []

    def batch(self, size: int, count: int) -> PairBatch:
        """The next `count` pairs, from shards in random order.

        Raises:
            ConfigError: the shards are of another size.
        """
        if size != self._plan.size:
            raise ConfigError(f"the shards are {self._plan.size}²; {size}² needs shards of its own")
        while sum(map(len, self._kept)) < count:
            pick = int(torch.randint(len(self._paths), (), generator=self._rng))
            self._kept.append(read_shard(self._paths[pick]))
        joined = concatenate(self._kept)
        self._kept = [joined.pick(slice(count, None))] if len(joined) > count else []
        return joined.pick(slice(count))

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The same held-out pairs as `PaintedPairs` gives."""
        return PaintedPairs(_faces(self._plan.faces)).held_out(size)


def read_shard(path: Path) -> PairBatch:
    """Read what `paint_shard` wrote; the target is worked out anew, exactly."""
    from safetensors.torch import load_file

    from tryon.face.regions import region_masks

    values = load_file(path)
    pictures = {name: values[name].float() / 255 for name in PICTURES}
    affine = values["affine"].float()
    light = affine[:, :3] * to_linear(pictures["source"][:, :3]) + affine[:, 3:]
    regions = torch.as_tensor(region_masks(affine.shape[-1]).weights).permute(2, 0, 1)
    rest = {name: values[name] for name in ("ita", "style", "person", "wearer")}
    return PairBatch(**pictures, affine=affine, target=to_srgb(light), regions=regions, **rest)


def _packed(batch: PairBatch) -> dict[str, Tensor]:
    """Pictures as bytes and the layer as halves: 1.3 MB a pair at 256²."""
    packed = {f.name: getattr(batch, f.name).cpu() for f in fields(batch)}
    del packed["regions"], packed["target"]
    for name in PICTURES:
        packed[name] = (255 * packed[name]).round().to(torch.uint8)
    packed["affine"] = packed["affine"].half()
    return {name: value.contiguous().clone() for name, value in packed.items()}


@cache
def _faces(path: Path) -> FaceCache:
    return FaceCache.load(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.shards", description=__doc__)
    parser.add_argument("faces", type=Path, help="a face cache")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of shards")
    for name in ("size", "pairs", "shards", "seed"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--ray", action="store_true", help="spread over a Ray cluster")
    return run_main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    names = {item.name for item in fields(ShardPlan)}
    given = {k: v for k, v in vars(arguments).items() if v is not None and k in names}
    plan = ShardPlan(**given)
    painted = build_on_ray(plan) if arguments.ray else build(plan)
    print(f"{painted} shards painted, {plan.shards} in {plan.out}")


if __name__ == "__main__":
    raise SystemExit(main())
