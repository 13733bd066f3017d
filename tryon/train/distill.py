"""Trains the student on exact painted pairs within a time budget, so that it always ends annealed.

`python -m tryon.train.distill --data CACHE --out runs/x --minutes 100`; it never exports: that
is `tryon.train.export`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from tryon.config import add_arguments, from_arguments
from tryon.errors import ConfigError, TryOnError
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import load_model
from tryon.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from tryon.train.data import open_pairs
from tryon.train.losses import LossConfig, student_loss
from tryon.train.matching import mixed
from tryon.train.metrics import Score
from tryon.train.pairs import PairBatch, PairSource, concatenate
from tryon.train.prefetch import Prefetch
from tryon.train.replay import Replay
from tryon.train.validation import evaluate, sample_sheet, table
from tryon.train.variety import LIVED_IN


@dataclass(frozen=True, slots=True)
class DistillConfig:
    """Settings of a run; every field is a flag."""

    data: Path = Path("cache")  # face cache
    out: Path = Path("runs/student")  # run folder
    minutes: float = 100.0  # time budget over all resumes, evaluation included
    size: tuple[str, ...] = ("128:0.4", "256:0.6")  # atlas side : share of the budget, in order
    batch: int = 8  # pairs a step at the last size; more where the atlas is smaller
    rate: float = 1e-3  # peak learning rate
    decay: float = 0.01  # weight decay
    warm_up: float = 0.02  # share of the budget spent warming up
    average: float = 0.998  # decay of the weights' moving average
    clip: float = 1.0  # largest gradient norm
    bf16: bool = True  # bfloat16 autocast
    fresh: float = 0.3  # painted pairs for each pair of a step; the others are replayed
    device: str = "cpu"  # torch device
    threads: int = 2  # CPU threads
    workers: int = 1  # processes that paint
    save_every: float = 5.0  # minutes between checkpoints
    evaluate_every: float = 10.0  # minutes between evaluations
    seed: int = 0
    steps: int = 0  # stop after so many steps in all; 0: by time only
    resume: bool = False  # continue the run in --out
    init: Path | None = None  # model folder whose weights a new run starts from
    endpoints: Path | None = None  # a teacher's answers, of tryon.train.endpoints
    matched: float = 0.25  # share of batches that are a teacher's, where there are endpoints

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a value in {low}..{high}.")
        if abs(sum(share for _, share in self.plan()) - 1.0) > 1e-6:
            raise ConfigError(f"size = {self.size}: the shares must add up to 1.")

    def plan(self) -> tuple[tuple[int, float], ...]:
        """Atlas side and share of the budget, in order.

        Raises:
            ConfigError: an entry is not SIDE:SHARE, or the side is no multiple of 16.
        """
        try:
            plan = tuple((int(a), float(b)) for a, b in (s.split(":") for s in self.size))
        except ValueError as error:
            raise ConfigError(f"size = {self.size}: write entries as 256:0.6.") from error
        if any(side % 16 or side < 32 or share <= 0 for side, share in plan):
            raise ConfigError(f"size = {self.size}: sides are multiples of 16, shares above 0.")
        return plan

    def side_at(self, done: float) -> int:
        """Atlas side when the share `done` of the budget is spent."""
        end = 0.0
        for side, share in self.plan():
            end += share
            if done < end:
                return side
        return self.plan()[-1][0]

    def rate_at(self, done: float) -> float:
        """Learning rate at share `done`: linear warm-up, then half a cosine down to 1 %."""
        if done < self.warm_up:
            return self.rate * (0.01 + 0.99 * done / self.warm_up)
        phase = min(1.0, (done - self.warm_up) / (1.0 - self.warm_up))
        return self.rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * phase)))


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("minutes", 0.0, 1e6),
    ("batch", 1, 4096),
    ("rate", 1e-7, 1.0),
    ("decay", 0.0, 1.0),
    ("warm_up", 0.0, 0.5),
    ("average", 0.0, 0.99999),
    ("clip", 1e-3, 1e6),
    ("fresh", 1e-3, 1.0),
    ("matched", 0.0, 1.0),
    ("threads", 1, 1024),
    ("workers", 1, 1024),
    ("save_every", 0.0, 1e6),
    ("evaluate_every", 0.0, 1e6),
    ("steps", 0, 10**9),
)


class Distiller:
    """One training run: model, moving average, optimizer and the log of its folder."""

    def __init__(
        self,
        config: DistillConfig,
        source: PairSource,
        architecture: StudentConfig | None = None,
        losses: LossConfig | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        self.config = config
        self.source = Replay(source, config.fresh, seed=config.seed)
        self.losses = losses or LossConfig()
        model = load_model(config.init) if config.init else TryOnModel(architecture)
        self.model = model.to(config.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {k: v.detach().clone() for k, v in self.model.named_parameters()}
        self.optimizer = torch.optim.AdamW(
            _groups(self.model, config.decay), lr=config.rate, betas=(0.9, 0.99), fused=True
        )
        self.progress = Progress()
        self.skipped = 0  # steps whose gradient was not finite
        config.out.mkdir(parents=True, exist_ok=True)
        if config.resume:
            self.progress = load_checkpoint(
                self.checkpoint, self.model, self.average, self.optimizer, self._architecture()
            )

    @property
    def checkpoint(self) -> Path:
        """The run's checkpoint file."""
        return self.config.out / "checkpoint.safetensors"

    def _architecture(self) -> dict[str, object]:
        config: StudentConfig = self.model.config
        return config.to_json()

    def run(self) -> tuple[Score, ...]:
        """Train until the budget is spent.

        Returns:
            Held-out scores of the averaged weights at the end.
        """
        config, budget = self.config, self.config.minutes * 60.0
        began = time.monotonic() - self.progress.seconds
        saved = evaluated = self.progress.seconds
        losses: list[float] = []
        if config.init and not config.resume:
            self.evaluate()  # what the run starts from
        while True:
            done = 1.0 if budget == 0 else self.progress.seconds / budget
            if done >= 1.0 or (config.steps and self.progress.step >= config.steps):
                break
            losses.append(self.step(config.side_at(done), config.rate_at(done)))
            self.progress = replace(self.progress, seconds=time.monotonic() - began)
            if self.progress.step % 50 == 0:
                self._log(losses, done)
                losses.clear()
            if self.progress.seconds - evaluated >= config.evaluate_every * 60.0:
                self.evaluate()
                self.progress = replace(self.progress, seconds=time.monotonic() - began)
                evaluated = self.progress.seconds
            if self.progress.seconds - saved >= config.save_every * 60.0:
                self.save()
                saved = self.progress.seconds
        self.save()
        return self.evaluate()

    def step(self, side: int, rate: float) -> float:
        """One optimizer step on a fresh batch.

        Args:
            side: atlas side.
            rate: learning rate.

        Returns:
            The loss.
        """
        config = self.config
        texels = config.plan()[-1][0] ** 2
        # Half-size atlases are four times cheaper: spend half of that on a larger batch.
        count = max(1, round(config.batch * math.sqrt(texels) / side))
        batch = self.source.batch(side, count).to(config.device)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        terms = student_loss(self._predict(batch.source, batch.reference), batch, self.losses)
        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        if bool(torch.isfinite(norm + terms.total)):
            self.optimizer.step()
            self._follow()
        else:
            self.skipped += 1
        done = self.progress
        self.progress = replace(done, step=done.step + 1, samples=done.samples + count)
        return float(terms.total.detach())

    def _predict(self, source: Tensor, reference: Tensor) -> Tensor:
        layout = torch.channels_last
        kind = torch.device(self.config.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.config.bf16):
            layer: Tensor = self.model(
                source.contiguous(memory_format=layout), reference.contiguous(memory_format=layout)
            )
        return layer.float()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; its decay grows with the steps so that it forgets the start."""
        step = self.progress.step
        decay = min(self.config.average, (1.0 + step) / (10.0 + step))
        for name, value in self.model.named_parameters():
            self.average[name].lerp_(value, 1.0 - decay)

    @contextmanager
    def averaged(self) -> Iterator[TryOnModel]:
        """The model with its averaged weights, inside the `with` only."""
        current = {k: v.detach().clone() for k, v in self.model.named_parameters()}
        self.model.load_state_dict(self.average, strict=False)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(current, strict=False)

    def evaluate(self) -> tuple[Score, ...]:
        """Score the averaged weights on held-out pairs; append to curve.jsonl, draw a sheet.

        At the atlas side of the moment: what was trained at 128 is not yet fit for 256.
        """
        budget = self.config.minutes * 60.0
        side = self.config.side_at(self.progress.seconds / budget if budget else 1.0)
        batches: list[PairBatch] = []

        def keep() -> Iterator[PairBatch]:
            for batch in self.source.held_out(side):
                if len(batches) < 8:
                    batches.append(batch)  # for the sheet
                yield batch.to(self.config.device)

        with self.averaged():
            scores = evaluate(self._predict, keep())
            sheet = sample_sheet(
                self._predict, concatenate(batches).to(self.config.device), rows=16
            )
        out = self.config.out
        Image.fromarray(sheet).save(out / f"samples-{self.progress.step:07d}.png")
        line = {
            **asdict(self.progress),
            "size": side,
            "scores": [asdict(score) for score in scores],
        }
        with (out / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(table(scores), flush=True)
        return scores

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.checkpoint, self.model, self.average, self.optimizer, self.progress,
            self._architecture(),
        )  # fmt: skip

    def _log(self, losses: list[float], done: float) -> None:
        p = self.progress
        print(
            f"{p.seconds / 60:7.1f} min  step {p.step}  {self.config.side_at(done)}²  "
            f"loss {sum(losses) / len(losses):.5f}  rate {self.config.rate_at(done):.2e}  "
            f"{p.samples / max(p.seconds, 1e-9):.1f} pairs/s  skipped {self.skipped}",
            flush=True,
        )


def _groups(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay on convolution kernels only: biases and positional maps are free."""
    kernels = [p for n, p in model.named_parameters() if p.ndim == 4 and not n.endswith("map")]
    rest = [p for n, p in model.named_parameters() if p.ndim != 4 or n.endswith("map")]
    return [{"params": kernels, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tryon.train.distill", description=__doc__)
    add_arguments(parser, DistillConfig)
    try:
        config = from_arguments(parser.parse_args(arguments), DistillConfig)
        with Prefetch(partial(open_pairs, config.data, config=LIVED_IN), config.workers) as painted:
            source: PairSource = painted
            if config.endpoints:
                source = mixed(painted, config.data, config.endpoints, config.matched, config.seed)
            Distiller(config, source).run()
    except TryOnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
