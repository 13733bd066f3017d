"""Trains the teacher on painted pairs: `python -m tryon.train.teacher --data CACHE --out runs/t`.

The layer to be worn is noised and denoised, conditioned on the bare face and on another person's
made-up one. What a run leaves is a folder that `tryon.models.teacher_files.load_teacher` reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.models.teacher import Splice, Teacher, new_teacher
from tryon.models.teacher_config import PRESETS
from tryon.models.teacher_files import (
    load_encoder,
    load_teacher,
    own_state,
    pretrained_teacher,
    save_teacher,
)
from tryon.models.tokens import TOKEN_REGIONS, group_masks
from tryon.models.weights import Manifest
from tryon.train.pairs import PairBatch, PairSource
from tryon.train.removal import with_removal
from tryon.train.run import Run
from tryon.train.run_config import RunConfig, of_process
from tryon.train.source import SourceConfig, open_source
from tryon.train.state import Progress
from tryon.train.teacher_attention import draw_attention
from tryon.train.teacher_eval import condition_of, judge, table
from tryon.train.teacher_loss import (
    ATTENTION_LOSSES,
    attention_loss,
    diffusion_loss,
    velocity_weight,
)
from tryon.types import REGIONS

EXPRESSION = ("brows", "eyes", "lips")
"""Regions whose error weighs more: they are small, and they move."""


@dataclass(frozen=True, slots=True)
class TeacherTraining:
    """What is trained, on what; every field is a flag."""

    preset: str = "compact"  # compact, compact-small, compact-tiny or sd21
    base: str = ""  # folder of the pretrained weights, for sd21
    modes: tuple[str, ...] = ()  # conditions that are used, of source mesh reference; all
    features: bool = True  # use the image tower's features; without them only the picture is seen
    encoder: Path | None = None  # makeup encoder whose image tower is used, frozen
    init: Path | None = None  # teacher that a new run starts from
    batch: int = 8  # pairs a step
    attention: str = "focal"  # focal, focus, mse or none
    attention_weight: float = 0.1
    drop_text: float = 0.05  # share of pairs without the prompt
    drop_style: float = 0.05  # without the makeup
    drop_both: float = 0.05
    drop_picture: float = 0.3  # without the makeup's picture: its tokens must do
    splice: float = 0.3  # share of pairs that take only some regions from the reference
    swap: float = 0.1  # makeup to be removed: source and target exchanged
    start: float = 0.2  # share of pairs at pure noise, where every sampling starts
    eval_steps: tuple[int, ...] = (4, 10, 25)  # denoising steps that are scored
    eval_pairs: int = 32  # held-out pairs that are scored

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigError(f"preset = {self.preset!r}: use one of {', '.join(PRESETS)}.")
        if self.attention not in ATTENTION_LOSSES:
            raise ConfigError(f"attention: use one of {', '.join(ATTENTION_LOSSES)}.")
        unknown = set(self.modes) - set(PRESETS[self.preset].modes)
        if unknown:
            raise ConfigError(f"modes = {self.modes}: use of {PRESETS[self.preset].modes}.")
        shares = ("drop_text", "drop_style", "drop_both", "drop_picture", "splice", "swap", "start")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a share in 0..1.")
        if self.batch < 1 or self.eval_pairs < 1:
            raise ConfigError("batch and eval_pairs: use at least 1.")


class TeacherTask:
    """A teacher's `tryon.train.run.Task`."""

    def __init__(
        self, config: TeacherTraining, run: RunConfig, teacher: Teacher, source: PairSource
    ) -> None:
        self.config, self.run, self.model, self.source = config, run, teacher, source

    def loss(self, model: Callable[..., Any], step: int, done: float) -> Mapping[str, Tensor]:
        """Noise the wanted layers, denoise them, and compare; see `teacher_loss`."""
        config, teacher, device = self.config, self.model, self.run.device
        rng = torch.Generator(device).manual_seed(self.run.seed * 1_000_003 + step)
        batch = self.source.batch(teacher.config.size, config.batch).to(device)
        batch = with_removal(batch, config.swap, rng)
        atlas = teacher.config.codec != "vae"
        spliced = draw_splice(batch, config.splice, rng)
        source = batch.source[:, :3]
        layer = batch.affine if atlas else batch.target
        layer = teacher.codec.composite(layer, source, spliced.where)
        latents = teacher.codec.encode(layer, source)
        reference = batch.reference if atlas else batch.reference[:, :3]
        count = len(batch)
        noise = torch.randn(latents.shape, generator=rng, device=device)
        time = torch.randint(1000, (count,), generator=rng, device=device)
        chance, shown = torch.rand((2, count), generator=rng, device=device)
        if teacher.config.zero_snr:
            first = torch.rand(count, generator=rng, device=device) < config.start
            time = torch.where(first, 999, time)
        noisy = teacher.noising.add_noise(latents, noise, time)
        kind = teacher.config.prediction
        wanted = latents if kind == "sample" else noise
        if kind == "v_prediction":
            wanted = teacher.noising.get_velocity(latents, noise, time)
        weight = velocity_weight(kind, teacher.noising.alphas_cumprod.to(device)[time])
        text, style = config.drop_text, config.drop_text + config.drop_style
        prompt = (chance >= text) & ((chance < style) | (chance >= style + config.drop_both))
        keep = (chance < text) | (chance >= style + config.drop_both)
        kept = tuple(k.float() for k in (prompt, keep, shown >= config.drop_picture))
        condition = condition_of(teacher, batch)
        predicted, maps = model(noisy, time, condition, reference, kept, spliced)
        masks = _masks(batch, latents.shape[-1])
        diffusion = diffusion_loss(predicted, wanted, *masks, weight)
        attention = attention_loss(maps, group_masks(batch.regions), config.attention, kept[1])
        total = diffusion + config.attention_weight * attention
        return {"total": total, "diffusion": diffusion, "attention": attention}

    def batch_size(self, done: float) -> int:
        """Pairs in a step."""
        return self.config.batch

    def evaluate(self, progress: Progress) -> Mapping[str, object]:
        """Score on held-out pairs with each number of steps; draw results and attention."""
        config, out = self.config, self.run.out
        pairs = list(self.source.held_out(self.model.config.size))
        draw_attention(self.model, pairs, out / f"attention-{progress.step:07d}.png")
        sheet = out / f"samples-{progress.step:07d}.png"
        scores = judge(self.model, pairs, config.eval_steps, config.eval_pairs, sheet)
        print(table(scores, config.eval_steps), flush=True)
        return scores

    def export(self, scores: Mapping[str, object]) -> None:
        """Write the weights to `teacher` in the run's folder."""
        about = Manifest({}, {}, data=("painted pairs",), metrics=(scores,))
        save_teacher(self.run.out / "teacher", self.model, about=about)

    def own_state(self) -> Mapping[str, Tensor]:
        """What is not borrowed from pretrained weights."""
        return own_state(self.model)

    def architecture(self) -> Mapping[str, object]:
        """The teacher's configuration."""
        return self.model.config.to_json()


def draw_splice(batch: PairBatch, share: float, rng: torch.Generator) -> Splice:
    """Half of the regions, at random, for a share of the pairs; all of them for the others.

    Without it a teacher never sees a reference that is the face itself, which is what regions that
    are not asked for look at; attention alone does not keep makeup out of them.
    """
    device = batch.source.device
    part = torch.rand((len(batch), 1), generator=rng, device=device) < share
    half = torch.rand((len(batch), len(TOKEN_REGIONS)), generator=rng, device=device) < 0.5
    groups = (half | ~part).float()
    where = torch.einsum("bg,ghw->bhw", groups, group_masks(batch.regions).float())[:, None]
    return Splice(groups, torch.where(part[..., None, None], where.clamp(0, 1), 1.0))


def _masks(batch: PairBatch, side: int) -> tuple[Tensor, Tensor]:
    """Face and expression masks (1, 1, side, side)."""
    chosen = [REGIONS.index(name) for name in EXPRESSION]
    masks = torch.stack((batch.regions.sum(0), batch.regions[chosen].sum(0)))[:, None]
    small = F.interpolate(masks.float(), (side, side), mode="bilinear", antialias=True).clamp(0, 1)
    return small[:1], small[1:]


def build_teacher(config: TeacherTraining) -> Teacher:
    """The teacher a run starts from.

    Raises:
        TryOnError: weights are absent or do not fit.
    """
    if config.init:
        return load_teacher(config.init, config.base).train()
    shape = PRESETS[config.preset]
    if config.modes:
        shape = shape.with_modes(*config.modes)
    shape = replace(shape, features=config.features)
    tower = None
    if config.encoder:
        encoder = load_encoder(config.encoder)
        if replace(encoder.config, rank=shape.tower.rank) != shape.tower:
            raise ConfigError(f"{config.encoder} is not of the preset's shape; train one that is.")
        tower = encoder.image.requires_grad_(False)
    if shape.base:
        return pretrained_teacher(config.base or shape.base, tower, shape)
    return new_teacher(shape, tower)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.teacher", description=__doc__)
    for kind in (RunConfig, SourceConfig, TeacherTraining):
        add_arguments(parser, kind)
    parser.set_defaults(out=Path("runs/teacher"))
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    run, config = from_arguments(parsed, RunConfig), from_arguments(parsed, TeacherTraining)
    torch.manual_seed(run.seed)
    teacher, run = build_teacher(config), of_process(run)  # every process starts alike
    painting = from_arguments(parsed, SourceConfig)
    with open_source(painting, run.device, run.seed) as source:
        Run(run, TeacherTask(config, run, teacher, source))()


if __name__ == "__main__":
    sys.exit(main())
