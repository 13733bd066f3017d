"""How long, how fast and where a training run goes; what is trained is no business of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

from tryon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How long, how fast and where; every field is a flag."""

    out: Path = Path("runs/run")  # run folder
    minutes: float = 60.0  # time budget over all resumes, evaluation included; 0 only evaluates
    steps: int = 0  # stop after so many steps, and anneal by them; 0: by time
    rate: float = 5e-4  # peak learning rate
    decay: float = 0.01  # weight decay
    warm_up: float = 0.03  # share of the budget spent warming up
    average: float = 0.9995  # decay of the weights' moving average
    clip: float = 1.0  # largest gradient norm
    bf16: bool = True  # bfloat16 autocast
    device: str = "cpu"  # cpu or cuda
    threads: int = 2  # CPU threads
    save_every: float = 5.0  # minutes between checkpoints
    evaluate_every: float = 10.0  # minutes between evaluations
    log_every: int = 50  # steps between lines of the log
    seed: int = 0
    resume: bool = False  # continue the run in --out
    judge_start: bool = False  # score what a new run starts from, too
    shard_mib: int = 15  # most MiB in a file

    def __post_init__(self) -> None:
        ranges = {
            "minutes": (0, 1e6), "steps": (0, 1e9), "rate": (1e-8, 1), "decay": (0, 1),
            "warm_up": (0, 0.5), "average": (0, 0.999999), "clip": (1e-3, 1e6),
            "threads": (1, 1024), "save_every": (0, 1e6), "evaluate_every": (0, 1e6),
            "log_every": (1, 1e6), "shard_mib": (1, 4096),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a value in {low}..{high}.")
        if self.device.split(":")[0] not in ("cpu", "cuda"):
            raise ConfigError(f"device = {self.device!r}: use cpu or cuda.")

    def rate_at(self, done: float) -> float:
        """Learning rate at a share of the budget: linear warm-up, then half a cosine to 1 %."""
        if done < self.warm_up:
            return self.rate * (0.01 + 0.99 * done / self.warm_up)
        phase = min(1.0, (done - self.warm_up) / (1.0 - self.warm_up))
        return self.rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * phase)))


def of_process(config: RunConfig) -> RunConfig:
    """The configuration of this one of several processes: its own GPU, and pairs and noise.

    Accelerate's launcher tells a process its number; alone, nothing changes.
    """
    number, gpu = (int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK"))
    device = f"cuda:{gpu}" if gpu and config.device == "cuda" else config.device
    return replace(config, seed=config.seed + 7919 * number, device=device)
