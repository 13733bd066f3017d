"""How fast pairs are painted here: styles a second, pairs a second, and where the time goes.

`python -m tryon.train.paint_speed [FACES]`; without a face cache the faces are synthetic, which
costs the same. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tryon.console import run_main
from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.substrate import estimate_substrate
from tryon.train.data import GROUP, PaintedPairs
from tryon.train.faces import FaceCache


def synthetic_faces(size: int, count: int = 16) -> FaceCache:
    """Faces of smooth random skin."""
    generator = torch.Generator().manual_seed(1)
    inside = brush_fields(size).inside
    tones = torch.tensor([220.0, 180, 160]) - 130 * torch.rand(count, 1, generator=generator)
    colour = tones[:, :, None, None] * inside
    seen = 255 * inside.expand(count, -1, -1, -1)
    return FaceCache(
        texture=torch.cat([colour, seen], 1).to(torch.uint8),
        skin=seen.to(torch.uint8),
        ita=torch.linspace(-40, 60, count),
        made_up=torch.zeros(count, dtype=torch.bool),
        names=tuple(map(str, range(count))),
        splits=tuple("train" if i < count // 2 else "val" for i in range(count)),
    )


def rate(work: Callable[[], int], seconds: float, device: str) -> float:
    """Items a second of a function that returns how many it made."""
    work()
    made, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        made += work()
    if device != "cpu":
        torch.cuda.synchronize()
    return made / (time.perf_counter() - start)


def measure(
    cache: FaceCache, size: int, device: str, seconds: float, seed: int = 0
) -> dict[str, float]:
    """Rates of one process on one thread: the painter alone, with the substrate, whole pairs."""
    torch.set_num_threads(1)
    pairs = PaintedPairs(cache, seed=seed, device=device)
    styles = StyleSampler(seed)
    linear = to_linear(cache.texture[:GROUP, :3].to(device).float() / 255)
    skin = cache.skin[:GROUP].to(device).float() / 255
    fields, ita = brush_fields(size, device), cache.ita[:GROUP].to(device)

    def painted(style_count: int, fresh: bool) -> Callable[[], int]:
        known = estimate_substrate(skin, fields, linear, ita)

        def work() -> int:
            s = estimate_substrate(skin, fields, linear, ita) if fresh else known
            paint(s, StyleBatch([styles() for _ in range(style_count)], device))
            return GROUP

        return work

    with torch.no_grad():
        return {
            "painter, one style a face": rate(painted(GROUP, False), seconds, device),
            "painter, one style on four faces": rate(painted(1, False), seconds, device),
            "substrate and painter": rate(painted(GROUP, True), seconds, device),
            "pairs": rate(lambda: len(pairs.batch(size, GROUP)), seconds, device),
        }


def _measure(arguments: tuple[FaceCache, int, str, float, int]) -> dict[str, float]:
    return measure(*arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.paint_speed", description=__doc__)
    parser.add_argument("faces", type=Path, nargs="?", help="a face cache")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each figure")
    parser.add_argument("--processes", type=int, default=2, help="side by side, on a CPU")
    return run_main(parser, _run, argv)


def _run(a: argparse.Namespace) -> None:
    cache = FaceCache.load(a.faces) if a.faces else synthetic_faces(a.size)
    count = a.processes if a.device == "cpu" else 1
    jobs = [(cache, a.size, a.device, a.seconds, seed) for seed in range(count)]
    if count == 1:
        found = [_measure(jobs[0])]
    else:
        with mp.get_context("spawn").Pool(count) as pool:
            found = pool.map(_measure, jobs)
    total = {name: round(sum(one[name] for one in found), 1) for name in found[0]}
    print(json.dumps({"size": a.size, "device": a.device, "processes": count, "per_second": total}))


if __name__ == "__main__":
    raise SystemExit(main())
