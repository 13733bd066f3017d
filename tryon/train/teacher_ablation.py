"""What each part of the teacher is worth: `python -m tryon.train.teacher_ablation --data CACHE`.

Trains the same teacher several times, each without one part, with the same seed and budget, and
prints one table. It takes the flags of `tryon.train.teacher`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.models.teacher_config import PRESETS
from tryon.models.tokens import TOKEN_REGIONS
from tryon.train.pairs import PairSource
from tryon.train.run import Run
from tryon.train.run_config import RunConfig
from tryon.train.source import SourceConfig, open_source
from tryon.train.teacher import TeacherTask, TeacherTraining, build_teacher
from tryon.train.teacher_eval import markdown


def variants(config: TeacherTraining) -> Mapping[str, TeacherTraining]:
    """The teacher as it is, then without one part each."""
    modes = config.modes or PRESETS[config.preset].modes
    found = {
        "whole": config,
        "no attention loss": replace(config, attention="none"),
        "no encoder features": replace(config, features=False),
    }
    for mode, name in (("mesh", "no mesh"), ("reference", "no reference picture")):
        if mode in modes:
            found[name] = replace(config, modes=tuple(m for m in modes if m != mode))
    return found


def ablate(
    run: RunConfig, chosen: Mapping[str, TeacherTraining], source: PairSource
) -> dict[str, Mapping[str, object]]:
    """Train each variant in a folder of its own under `run.out`; gives their scores."""
    scores = {}
    for name, config in chosen.items():
        print(f"## {name}", flush=True)
        torch.manual_seed(run.seed)  # every variant starts from the same numbers
        own = replace(run, out=run.out / name.replace(" ", "-"))
        scores[name] = Run(own, TeacherTask(config, own, build_teacher(config), source))()
    return scores


def table(scores: Mapping[str, Mapping[str, object]], steps: Sequence[int]) -> str:
    """A row for each variant: PSNR and SSIM by steps, the worst leak of any region by the least."""
    head = [f"{what} {n}" for what in ("PSNR", "SSIM") for n in steps]
    rows = [["teacher", *head, f"worst leak {steps[0]} %"]]
    for name, found in scores.items():

        def value(key: str, found: Mapping[str, object] = found) -> float:
            return float(str(found[key]))

        leak = max(value(f"leak_{steps[0]} {region}") for region in TOKEN_REGIONS)
        rows.append([
            name,
            *(f"{value(f'psnr_{n} all'):.2f}" for n in steps),
            *(f"{value(f'ssim_{n}'):.4f}" for n in steps),
            f"{100 * leak:.1f}",
        ])  # fmt: skip
    return markdown(rows)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.teacher_ablation",
                                     description=__doc__)  # fmt: skip
    for kind in (RunConfig, SourceConfig, TeacherTraining):
        add_arguments(parser, kind)
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="some of the variants")
    parser.set_defaults(out=Path("runs/ablation"))
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    run, config = from_arguments(parsed, RunConfig), from_arguments(parsed, TeacherTraining)
    known = variants(config)
    if unknown := set(parsed.only or ()) - known.keys():
        raise ConfigError(f"no variant {sorted(unknown)}: use of {', '.join(known)}.")
    chosen = {name: known[name] for name in parsed.only or known}
    with open_source(from_arguments(parsed, SourceConfig), run.device, run.seed) as source:
        text = table(ablate(run, chosen, source), config.eval_steps)
    (run.out / "ablation.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
