"""How good a trained teacher is: `python -m tryon.train.teacher_report --data CACHE`.

Tables in Markdown over people and styles it never saw: by denoising steps, with parts of it
switched off, and what must change nothing. It never trains.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.models.sampling import SampleConfig, region_mask, sample
from tryon.models.shipped import teacher_folder
from tryon.models.teacher import Teacher
from tryon.models.teacher_files import load_teacher
from tryon.models.tokens import TOKEN_REGIONS
from tryon.train.pairs import PairBatch
from tryon.train.teacher_attention import draw_attention
from tryon.train.teacher_eval import condition_of, judge, leakage, markdown, table, wear

SPLITS = ("train", "val", "test")
FEATURES = "encoder features"
"""Switched off like a condition: the tokens then tell nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is measured; every field is a flag."""

    data: Path = Path("cache")  # face cache
    teacher: Path | None = None  # folder of a teacher; the one that ships
    out: Path = Path("runs/teacher-report")  # folder of the report and its sheets
    split: str = "test"  # of the cache: train, val or test
    calm: bool = False  # pictures in one light with nothing before the face, else as trained on
    steps: tuple[int, ...] = (1, 4, 10, 25)  # denoising steps
    pairs: int = 32
    off_steps: int = 4  # denoising steps of a teacher with a part switched off; 0: none is
    threads: int = 2  # CPU threads

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(f"split = {self.split!r}: use one of {', '.join(SPLITS)}.")
        if self.pairs < 1 or self.threads < 1 or self.off_steps < 0 or not self.steps:
            raise ConfigError("pairs, threads, off_steps, steps: use at least 1, 1, 0, and one.")


@contextmanager
def switched_off(teacher: Teacher, part: str) -> Iterator[None]:
    """Without a condition, by its name, or without `FEATURES`, inside the `with`.

    Raises:
        ConfigError: the teacher has no such part.
    """
    if part not in (FEATURES, *teacher.config.modes):
        raise ConfigError(f"part = {part!r}: use one of {', '.join(teacher.config.modes)}.")
    config = teacher.config
    if part == FEATURES:
        teacher.config = replace(config, features=False)
    else:
        teacher.control.muted = frozenset({part})
    try:
        yield
    finally:
        teacher.config, teacher.control.muted = config, frozenset()


def parts_table(teacher: Teacher, batches: Sequence[PairBatch], pairs: int, steps: int) -> str:
    """Figures of the whole teacher, and without one part each at inference."""
    rows = [["switched off at inference", f"PSNR {steps} dB", f"SSIM {steps}"]]

    def add(name: str) -> None:
        found = judge(teacher, batches, (steps,), pairs, leak_pairs=0)
        psnr, ssim = (float(str(found[key])) for key in (f"psnr_{steps} all", f"ssim_{steps}"))
        rows.append([name, f"{psnr:.2f}", f"{ssim:.4f}"])

    add("nothing")
    for part in (FEATURES, *teacher.config.modes):
        with switched_off(teacher, part):
            add(part)
    return markdown(rows)


def leak_table(teacher: Teacher, batches: Sequence[PairBatch], steps: int) -> str:
    """Change outside over change inside when one region is asked for, in per cent."""
    rows = [["one region asked for", *TOKEN_REGIONS]]
    for masked, name in ((False, "tokens and picture alone"), (True, "as a photo is made up")):
        sums = [leakage(teacher, b, teacher.look(b.reference), steps, masked) for b in batches[:4]]
        inside, outside = (sum(parts, torch.zeros(4)) for parts in zip(*sums, strict=True))
        leaks = (100 * outside / inside.clamp_min(1e-9)).tolist()
        rows.append([name, *(f"{leak:.1f}" for leak in leaks)])
    return markdown(rows)


def no_ops(teacher: Teacher, batch: PairBatch, steps: int) -> str:
    """The largest change, of 255 levels, by what must change nothing."""
    look = teacher.look(batch.reference)
    whole = wear(teacher, batch, look, steps)
    spliced = look.mixed(dict.fromkeys(TOKEN_REGIONS, (look, 1.0)), batch.regions)
    again = wear(teacher, batch, spliced, steps)
    mask = region_mask(batch.regions, dict.fromkeys(TOKEN_REGIONS, 0.0))
    layer = sample(teacher, condition_of(teacher, batch), look, mask, SampleConfig(steps))
    nothing = torch.cat((layer[:, :3] - 1, layer[:, 3:])).abs().max()
    kept = wear(teacher, batch, teacher.look(batch.source), steps) - batch.source[:, :3]
    rows = [
        ["what must change nothing", "largest change", "mean change"],
        ["own tokens spliced in", *_levels(again - whole)],
        ["strength 0", *_levels(nothing)],
        ["the face's own makeup, by tokens alone", *_levels(kept)],
    ]
    return markdown(rows)


def _levels(change: torch.Tensor) -> tuple[str, str]:
    levels = 255 * change.abs()
    return f"{float(levels.max()):.3f}", f"{float(levels.mean()):.3f}"


@torch.no_grad()
def report(config: Report, teacher: Teacher, batches: Sequence[PairBatch]) -> str:
    """Measure everything; draws `samples.png` and `attention.png` into the folder."""
    config.out.mkdir(parents=True, exist_ok=True)
    draw_attention(teacher, batches, config.out / "attention.png")
    texts = [f"{config.split}{', calm' if config.calm else ''}: {config.pairs} pairs"]
    scores = judge(teacher, batches, config.steps, config.pairs, config.out / "samples.png")
    texts.append(table(scores, config.steps))
    if config.off_steps:
        texts.append(parts_table(teacher, batches, config.pairs, config.off_steps))
    texts.append(leak_table(teacher, batches, config.steps[0]))
    texts.append(no_ops(teacher, batches[0], config.steps[0]))
    return "\n\n".join(texts) + "\n"


def held_out(config: Report, size: int) -> list[PairBatch]:
    """The pairs that are measured."""
    from tryon.train.data import PaintedPairs  # the painter, only when painting
    from tryon.train.faces import FaceCache
    from tryon.train.variety import CALM, DataConfig

    variety = replace(CALM if config.calm else DataConfig(), held_out=config.pairs)
    cache = FaceCache.load(config.data)
    return list(PaintedPairs(cache, variety).held_out(size, config.split))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tryon.train.teacher_report", description=__doc__
    )
    add_arguments(parser, Report)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    config = from_arguments(parsed, Report)
    torch.set_num_threads(config.threads)
    teacher = load_teacher(teacher_folder(config.teacher))
    text = report(config, teacher, held_out(config, teacher.config.size))
    (config.out / "report.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
