"""Trains the student on exact painted pairs, and on a teacher's answers where there are some.

`python -m tryon.train.distill --data CACHE --out runs/x --minutes 100`; it always ends annealed.
Runtimes cannot run what it leaves yet: that is `tryon.train.export`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.models.student import TryOnModel
from tryon.models.weights import Manifest, load_model, save_model
from tryon.train.losses import LossConfig, student_loss
from tryon.train.matching import mixed
from tryon.train.pairs import PairBatch, PairSource, concatenate
from tryon.train.run import Run
from tryon.train.run_config import RunConfig, of_process
from tryon.train.source import SourceConfig, open_source
from tryon.train.state import Progress
from tryon.train.validation import evaluate, sample_sheet, table
from tryon.train.variety import LIVED_IN

SHOWN = 8
"""Held-out batches on the sheet of samples."""


@dataclass(frozen=True, slots=True)
class StudentTraining:
    """What is trained, on what; every field is a flag."""

    size: tuple[str, ...] = ("128:0.4", "256:0.6")  # atlas side : share of the budget, in order
    batch: int = 8  # pairs a step at the last size; more where the atlas is smaller
    init: Path | None = None  # model folder whose weights a new run starts from
    endpoints: Path | None = None  # a teacher's answers, of tryon.train.endpoints
    matched: float = 0.25  # share of batches that are a teacher's, where there are endpoints

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= 4096:
            raise ConfigError(f"batch = {self.batch}: use a value in 1..4096.")
        if not 0 <= self.matched <= 1:
            raise ConfigError(f"matched = {self.matched}: use a share in 0..1.")
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


class StudentTask:
    """A student's `tryon.train.run.Task`."""

    def __init__(
        self,
        config: StudentTraining,
        run: RunConfig,
        model: TryOnModel,
        source: PairSource,
        losses: LossConfig | None = None,
    ) -> None:
        self.config, self.run, self.source = config, run, source
        self.losses = losses or LossConfig()
        self.model: TryOnModel = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._side = config.side_at(0.0)

    def loss(self, model: Callable[..., Any], step: int, done: float) -> Mapping[str, Tensor]:
        """Predict the layers of a batch and compare; see `losses`."""
        self._side = self.config.side_at(done)
        batch = self.source.batch(self._side, self.batch_size(done)).to(self.run.device)
        layer = model(_channels_last(batch.source), _channels_last(batch.reference))
        terms = student_loss(layer.float(), batch, self.losses)
        return {name: getattr(terms, name) for name in terms.__dataclass_fields__}

    def batch_size(self, done: float) -> int:
        """Pairs in a step: half-size atlases are four times cheaper, half of that is spent here."""
        last = self.config.plan()[-1][0]
        return max(1, round(self.config.batch * last / self.config.side_at(done)))

    def evaluate(self, progress: Progress) -> Mapping[str, object]:
        """PSNR in the makeup mask on held-out pairs; draws a sheet of them.

        At the atlas side of the moment: what was trained at 128 is not yet fit for 256.
        """
        shown: list[PairBatch] = []

        def kept() -> Iterator[PairBatch]:
            for batch in self.source.held_out(self._side):
                shown.extend([batch] if len(shown) < SHOWN else [])
                yield batch.to(self.run.device)

        scores = evaluate(self._predict, kept())
        sheet = sample_sheet(self._predict, concatenate(shown).to(self.run.device), rows=16)
        Image.fromarray(sheet).save(self.run.out / f"samples-{progress.step:07d}.png")
        print(table(scores), flush=True)
        return {"side": self._side, "groups": [asdict(score) for score in scores]}

    def _predict(self, source: Tensor, reference: Tensor) -> Tensor:
        kind = torch.device(self.run.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.run.bf16):
            layer: Tensor = self.model(_channels_last(source), _channels_last(reference))
        return layer.float()

    def export(self, scores: Mapping[str, object]) -> None:
        """Write the weights to `student` in the run's folder."""
        about = Manifest(self.model.config.to_json(), {}, metrics=(scores,))
        save_model(self.run.out / "student", self.model, about)

    def own_state(self) -> Mapping[str, Tensor]:
        """All of it."""
        return self.model.state_dict()

    def architecture(self) -> Mapping[str, object]:
        """The student's configuration."""
        return self.model.config.to_json()


def _channels_last(picture: Tensor) -> Tensor:
    return picture.contiguous(memory_format=torch.channels_last)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.distill", description=__doc__)
    for kind in (RunConfig, SourceConfig, StudentTraining):
        add_arguments(parser, kind)
    parser.set_defaults(out=Path("runs/student"), rate=1e-3, average=0.998)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    run, config = from_arguments(parsed, RunConfig), from_arguments(parsed, StudentTraining)
    painting = from_arguments(parsed, SourceConfig)
    torch.manual_seed(run.seed)
    model, run = load_model(config.init) if config.init else TryOnModel(), of_process(run)

    def blend(painted: PairSource) -> PairSource:
        if config.endpoints is None:
            return painted
        return mixed(painted, painting.data, config.endpoints, config.matched, run.seed)

    with open_source(painting, run.device, run.seed, LIVED_IN, blend) as source:
        Run(run, StudentTask(config, run, model.train(), source))()


if __name__ == "__main__":
    sys.exit(main())
