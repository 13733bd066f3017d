"""One training run within a time budget: steps, moving average, evaluation, resumable checkpoints.

What is trained, on what and how it is judged is the task's; many GPUs are Accelerate's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from tryon.errors import ConfigError, MissingExtraError
from tryon.train.run_config import RunConfig
from tryon.train.state import Progress, load_state, save_state


class Task(Protocol):
    """What a run trains."""

    @property
    def model(self) -> nn.Module:
        """Its parameters that want a gradient are trained."""
        ...

    def loss(self, model: Callable[..., Any], step: int, done: float) -> Mapping[str, Tensor]:
        """One batch's loss as `total`, and its parts.

        Args:
            model: the task's model, made ready for the device.
            step: counts from 0; what is drawn at random is drawn from it.
            done: share of the budget that is spent.
        """
        ...

    def batch_size(self, done: float) -> int:
        """Pairs in a step."""
        ...

    def evaluate(self, progress: Progress) -> Mapping[str, object]:
        """Scores of the model as it is now, as JSON values; draws and prints what it likes."""
        ...

    def export(self, scores: Mapping[str, object]) -> None:
        """Write the model as it is now for others to use."""
        ...

    def own_state(self) -> Mapping[str, Tensor]:
        """The tensors of the model that no other file holds."""
        ...

    def architecture(self) -> Mapping[str, object]:
        """What a checkpoint must match."""
        ...


class Run:
    """One run of a task."""

    def __init__(self, config: RunConfig, task: Task) -> None:
        """Make ready; `task.model` moves to the device.

        Raises:
            MissingExtraError: Accelerate is not installed.
            WeightsError: there is nothing fit to resume.
        """
        torch.set_num_threads(config.threads)
        self.config, self.task = config, task
        self.accelerator = _accelerator(config)
        task.model.to(self.accelerator.device)
        parameters = {n: p for n, p in task.model.named_parameters() if p.requires_grad}
        self.average = {n: p.detach().clone() for n, p in parameters.items()}
        self.optimizer = torch.optim.AdamW(
            _groups(parameters, config.decay), lr=config.rate, betas=(0.9, 0.99), fused=True
        )
        self.progress = Progress()
        self.skipped = 0  # steps whose gradient was not finite
        config.out.mkdir(parents=True, exist_ok=True)
        if config.resume:
            self.progress = load_state(
                self.checkpoint, task.model, self.average, self.optimizer, task.architecture()
            )
        self.ready = self.accelerator.prepare_model(task.model)

    @property
    def checkpoint(self) -> Path:
        """The run's checkpoint folder."""
        return self.config.out / "checkpoint"

    def __call__(self) -> Mapping[str, object]:
        """Train until the budget is spent, then export the averaged weights.

        Returns:
            Their scores.
        """
        config = self.config
        began = time.monotonic() - self.progress.seconds
        saved = evaluated = self.progress.seconds
        seen: list[dict[str, float]] = []
        if config.judge_start and not self.progress.step:
            self.evaluate()
        while (done := self.done()) < 1.0:
            seen.append(self.step(config.rate_at(done), done))
            self.progress = replace(self.progress, seconds=time.monotonic() - began)
            if self.progress.step % config.log_every == 0:
                self._log(seen, done)
                seen.clear()
            if self.progress.seconds - evaluated >= config.evaluate_every * 60:
                self.evaluate()
                evaluated = time.monotonic() - began
                self.progress = replace(self.progress, seconds=evaluated)
            if self.progress.seconds - saved >= config.save_every * 60:
                self.save()
                saved = self.progress.seconds
        if self.progress.step:
            self.save()
        return self.evaluate(last=True)

    def done(self) -> float:
        """Share of the budget that is spent, the same in every process."""
        steps, minutes = self.config.steps, self.config.minutes
        spent = 1.0 if minutes == 0 else self.progress.seconds / (60 * minutes)
        if steps:
            return self.progress.step / steps if spent < 1 else 1.0
        shares = torch.tensor([spent], device=self.accelerator.device)
        return float(self.accelerator.gather(shares).max())

    def step(self, rate: float, done: float = 1.0) -> dict[str, float]:
        """One optimizer step.

        Args:
            rate: learning rate.
            done: share of the budget that is spent.

        Returns:
            The loss as `total`, and its parts.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.ready.train()
        with self._attention():
            terms = self.task.loss(self.ready, self.progress.step, done)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(terms["total"])
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.clip)
        if bool(torch.isfinite(norm + terms["total"].detach())):
            self.optimizer.step()
            self._follow()
        else:
            self.skipped += 1
        p, count = self.progress, self.task.batch_size(done)
        self.progress = replace(p, step=p.step + 1, samples=p.samples + count)
        return {name: float(value.detach()) for name, value in terms.items()}

    def _attention(self) -> AbstractContextManager[None]:
        """A CPU takes a sixth off a step when it multiplies short attention out."""
        cpu = self.accelerator.device.type == "cpu"
        return sdpa_kernel(SDPBackend.MATH) if cpu else nullcontext()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; its decay grows with the steps so that it forgets the start."""
        step = self.progress.step
        decay = min(self.config.average, (1.0 + step) / (10.0 + step))
        values = dict(self.task.model.named_parameters())
        names = list(self.average)
        torch._foreach_lerp_(
            [self.average[n] for n in names], [values[n].detach() for n in names], 1.0 - decay
        )

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model has its averaged weights and is in evaluation mode, inside the `with` only."""
        model = self.task.model
        values = {n: p for n, p in model.named_parameters() if n in self.average}
        current = {n: p.detach().clone() for n, p in values.items()}
        with torch.no_grad():
            for name, value in values.items():
                value.copy_(self.average[name])
        model.eval()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in values.items():
                    value.copy_(current[name])

    def evaluate(self, last: bool = False) -> Mapping[str, object]:
        """Score the averaged weights; append to curve.jsonl, and export them when it is the last.

        Only the first process does; the others wait.
        """
        scores: Mapping[str, object] = {}
        if self.accelerator.is_main_process:
            with self.averaged(), torch.no_grad():
                scores = self.task.evaluate(self.progress)
                if last:
                    self.task.export(scores)
            with (self.config.out / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(self.progress), "scores": scores}) + "\n")
        self.accelerator.wait_for_everyone()
        return scores

    def save(self) -> None:
        """Write the checkpoint; only the first process does."""
        if self.accelerator.is_main_process:
            save_state(
                self.checkpoint, self.task.own_state(), self.average, self.optimizer,
                self.task.model, self.progress, self.task.architecture(),
                self.config.shard_mib * 2**20,
            )  # fmt: skip
        self.accelerator.wait_for_everyone()

    def _log(self, seen: list[dict[str, float]], done: float) -> None:
        parts = {name: sum(s[name] for s in seen) / len(seen) for name in seen[0]}
        said = "  ".join(f"{name} {value:.5f}" for name, value in parts.items())
        p = self.progress
        self.accelerator.print(
            f"{p.seconds / 60:7.1f} min  step {p.step}  {said}  "
            f"rate {self.config.rate_at(done):.2e}  "
            f"{p.samples / max(p.seconds, 1e-9):.1f} pairs/s  skipped {self.skipped}",
            flush=True,
        )


def _accelerator(config: RunConfig) -> Any:
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise MissingExtraError("Training needs accelerate: pip install 'tryon[train]'.") from error
    if config.device != "cpu" and not torch.cuda.is_available():
        raise ConfigError(f"device = {config.device!r}: there is no CUDA GPU; use cpu.")
    return Accelerator(mixed_precision="bf16" if config.bf16 else "no", cpu=config.device == "cpu")


def _groups(parameters: Mapping[str, nn.Parameter], decay: float) -> list[dict[str, object]]:
    """Weight decay on kernels and matrices only: gains, biases, maps and tokens are free."""
    decays = {n for n, p in parameters.items() if p.ndim >= 2 and n.endswith("weight")}
    matrices = [p for n, p in parameters.items() if n in decays]
    rest = [p for n, p in parameters.items() if n not in decays]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
