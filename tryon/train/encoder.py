"""Trains the makeup encoder: `python -m tryon.train.encoder --data CACHE --out runs/encoder`.

Bent views of one picture, pictures of one style, and words about it come to one place. What a run
leaves is a folder that `tryon.models.teacher_files.load_encoder` reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.models.encoder import TOWERS, MakeupEncoder, new_encoder
from tryon.models.teacher_files import encoder_state, load_encoder, save_encoder
from tryon.models.weights import Manifest
from tryon.train.augment import bent_view
from tryon.train.contrastive import match_loss, style_loss, views_loss
from tryon.train.pairs import PairBatch, PairSource
from tryon.train.retrieval import Retrieval, colour_histogram, retrieve
from tryon.train.run import Run
from tryon.train.run_config import RunConfig, of_process
from tryon.train.source import SourceConfig, open_source
from tryon.train.state import Progress
from tryon.train.words import captions_of


@dataclass(frozen=True, slots=True)
class EncoderTraining:
    """What is trained, on what; every field is a flag."""

    preset: str = "compact"  # compact, compact-small or clip-vit-l
    base: str = ""  # folder of the pretrained vision tower, for clip-vit-l
    text_base: str = ""  # folder of the pretrained text tower
    init: Path | None = None  # encoder that a new run starts from
    batch: int = 32  # pairs a step; a pair gives two made-up pictures
    views: float = 0.0  # weight of the loss of two views of a picture; above 0 a step costs twice
    text: float = 0.5  # of pictures and words
    styles: float = 1.0  # of pictures of one style on several people
    bend: float = 0.2  # how far views are bent; 1 for pictures that are not in the atlas

    def __post_init__(self) -> None:
        if self.preset not in TOWERS:
            raise ConfigError(f"preset = {self.preset!r}: use one of {', '.join(TOWERS)}.")
        for name in ("views", "text", "styles", "bend"):
            if not 0 <= getattr(self, name) <= 10:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a number in 0..10.")
        if self.batch < 2:
            raise ConfigError(f"batch = {self.batch}: use at least 2.")


Describe = Callable[[Sequence[int], int], tuple[str, ...]]
"""(numbers of styles, seed) -> a caption of each"""


@dataclass(frozen=True, slots=True, eq=False)
class Worn:
    """Pictures of people who wear something: targets and references of pairs."""

    pictures: Tensor  # (N, 4, A, A) sRGB + visibility
    style: Tensor  # (N,)
    person: Tensor  # (N,)


def worn_of(batch: PairBatch) -> Worn:
    """Both made-up pictures of each pair."""
    target = torch.cat((batch.target, batch.source[:, 3:]), 1)
    return Worn(
        torch.cat((target, batch.reference)),
        batch.style.repeat(2),
        torch.cat((batch.person, batch.wearer)),
    )


class EncoderTask:
    """A makeup encoder's `tryon.train.run.Task`."""

    def __init__(
        self,
        config: EncoderTraining,
        run: RunConfig,
        model: MakeupEncoder,
        source: PairSource,
        describe: Describe | None = None,
    ) -> None:
        """Make a task.

        Args:
            config: what is trained.
            run: how.
            model: the encoder.
            source: pairs.
            describe: gives captions; without it there is no loss of pictures and words.
        """
        self.config, self.run, self.model, self.source = config, run, model, source
        self.describe = describe
        self.baselines: dict[str, Retrieval] = {}
        self.held_out: list[tuple[Worn, Tensor]] = []  # kept: painting them takes longest

    def loss(self, model: Callable[..., Any], step: int, done: float) -> Mapping[str, Tensor]:
        """Compare two bent views of every picture, pictures of a style, and captions."""
        config, device = self.config, self.run.device
        rng = torch.Generator(device).manual_seed(self.run.seed * 1_000_003 + step)
        batch = self.source.batch(self.model.config.size, config.batch).to(device)
        worn = worn_of(batch)
        # Other people in the same style are views, too: two of one picture are for their own loss.
        count = 2 if config.views else 1
        views = [bent_view(worn.pictures, rng, config.bend) for _ in range(count)]
        captions: tuple[str, ...] = ()
        if self.describe and config.text:
            captions = self.describe(batch.style.tolist(), step)
        vectors, texts = model(torch.cat(views), captions)
        vectors, style = vectors.float(), worn.style.repeat(count)
        terms = {"styles": style_loss(vectors, style)}
        total = config.styles * terms["styles"]
        if config.views:
            first, second = vectors.chunk(2)
            terms["views"] = views_loss(first, second, worn.style)
            total = total + config.views * terms["views"]
        if texts is not None:
            belong = style[:, None] == batch.style
            terms["text"] = match_loss(vectors, texts.float(), belong)
            total = total + config.text * terms["text"]
        return {"total": total, **terms}

    def batch_size(self, done: float) -> int:
        """Pairs in a step."""
        return self.config.batch

    def evaluate(self, progress: Progress) -> Mapping[str, object]:
        """Retrieval on held-out people and styles, beside a histogram and an untrained encoder."""
        pictures = self.held_out = self.held_out or [
            (worn_of(batch), batch.regions)
            for batch in self.source.held_out(self.model.config.size)
        ]
        style = torch.cat([w.style for w, _ in pictures]).cpu()
        person = torch.cat([w.person for w, _ in pictures]).cpu()

        def score(vectors_of: Callable[[Tensor, Tensor], Tensor]) -> Retrieval:
            vectors = torch.cat([vectors_of(w.pictures, r).float().cpu() for w, r in pictures])
            return retrieve(vectors, style, person)

        if not self.baselines:
            if self.model.config.kind == "compact":
                untrained = new_encoder(self.model.config).to(self.run.device).eval()
                self.baselines["untrained"] = score(lambda p, _: untrained.of_pictures(p))
            self.baselines["histogram"] = score(colour_histogram)
        scores = {"encoder": score(lambda p, _: self.model.of_pictures(p)), **self.baselines}
        for name, found in scores.items():
            print(
                f"{name:10} kNN {found.knn:.3f}  Recall@1 {found.recall:.3f}  "
                f"identity {found.identity:.3f} (chance {found.chance:.3f})",
                flush=True,
            )
        return {name: found.to_json() for name, found in scores.items()} | self._words(
            style,
            torch.cat([self.model.of_pictures(w.pictures).float().cpu() for w, _ in pictures]),
        )

    def _words(self, style: Tensor, vectors: Tensor) -> dict[str, object]:
        """How often the picture nearest to a style's description wears that style."""
        if not self.describe:
            return {}
        asked = torch.tensor(sorted(set(style.tolist())))
        texts = self.model.of_texts(self.describe(asked.tolist(), 0)).float().cpu()
        right = style[(texts @ vectors.T).argmax(1)] == asked
        found = float(right.float().mean())
        print(f"words      Recall@1 {found:.3f} (chance {1 / len(asked):.3f})", flush=True)
        return {"words": {"recall": found, "chance": 1 / len(asked)}}

    def export(self, scores: Mapping[str, object]) -> None:
        """Write the weights to `encoder` in the run's folder."""
        about = Manifest({}, {}, data=("painted pairs",), metrics=(scores,))
        save_encoder(self.run.out / "encoder", self.model, about)

    def own_state(self) -> Mapping[str, Tensor]:
        """What is not CLIP's own."""
        return encoder_state(self.model)

    def architecture(self) -> Mapping[str, object]:
        """The encoder's configuration."""
        return self.model.config.to_json()


def build_encoder(config: EncoderTraining) -> MakeupEncoder:
    """The encoder a run starts from.

    Raises:
        TryOnError: weights are absent or do not fit.
    """
    if config.init:
        return load_encoder(config.init).train()
    shape = TOWERS[config.preset]
    base, text_base = config.base or shape.base, config.text_base or shape.text_base
    return new_encoder(replace(shape, base=base, text_base=text_base))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.encoder", description=__doc__)
    for kind in (RunConfig, SourceConfig, EncoderTraining):
        add_arguments(parser, kind)
    parser.set_defaults(out=Path("runs/encoder"))
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    run, config = from_arguments(parsed, RunConfig), from_arguments(parsed, EncoderTraining)
    torch.manual_seed(run.seed)
    model, run = build_encoder(config), of_process(run)  # every process starts alike
    with open_source(from_arguments(parsed, SourceConfig), run.device, run.seed) as source:
        Run(run, EncoderTask(config, run, model, source, captions_of))()


if __name__ == "__main__":
    sys.exit(main())
