"""Real lipstick read as a swatch and painted on others: training pairs with real references.

`python -m tryon.train.transcribe --data FACES --out lips.safetensors`; `tryon.train.distill
--endpoints` teaches them. Painted references alone are known by their brush, and real lipstick is
then taken for the wearer's own lips. Beside the lips the student's own answer stands.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.cosmetics.substrate import Substrate, estimate_substrate
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.models.student import TryOnModel
from tryon.models.weights import STUDENT_DIR, load_model
from tryon.train.disturb import complete_by_symmetry
from tryon.train.faces import FaceCache
from tryon.train.matching import Endpoints, faces_digest, pair_up, textures
from tryon.train.natural import DISTANCE, distance_from_natural, lip_signature
from tryon.types import REGIONS

RED = 0.95  # least log of R/G over the skin's: dark beards over lips have less
COVERAGE = 0.9  # of the lipstick that is painted: a little of the lips below shows
TOGETHER = 4
"""Faces that are painted at a time."""


@dataclass(frozen=True, slots=True)
class TranscribeConfig:
    """What is read and painted; every field is a flag."""

    data: Path = Path("cache")  # face cache
    student: Path = STUDENT_DIR  # model folder whose answer stands beside the lips
    out: Path = Path("lips.safetensors")
    count: int = 400  # pairs
    seed: int = 0
    threads: int = 2  # CPU threads

    def __post_init__(self) -> None:
        for name, low, high in (("count", 1, 10**6), ("threads", 1, 1024)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} = {getattr(self, name)}: use {low}..{high}.")


def substrates(cache: FaceCache, who: Tensor) -> Substrate:
    """Faces as the painter sees them, in the light of their pictures."""
    pictures = textures(cache, who, cache.size)
    skin = cache.skin[who].float() / 255
    fields = brush_fields(cache.size)
    return estimate_substrate(skin, fields, to_linear(pictures[:, :3]), cache.ita[who])


def wearers(cache: FaceCache) -> Tensor:
    """Positions of the train faces that came with lipstick: redder than lips are, no moustache."""
    pictures = textures(cache, torch.arange(len(cache.names)), cache.size)
    signature = lip_signature(to_linear(pictures[:, :3]), pictures[:, 3:], cache.skin.float() / 255)
    train = torch.tensor([split == "train" for split in cache.splits])
    distance = distance_from_natural(signature, cache.ita, train & ~cache.made_up)
    red = torch.nan_to_num(signature[:, 0]) > RED
    return (train & (distance > DISTANCE) & red).nonzero()[:, 0]


def lipstick_of(face: Substrate) -> str:
    """The colour (#rrggbb) of what one face wears on its lips: a swatch of it in white light."""
    size = face.linear.shape[-1]
    lips = torch.as_tensor(region_masks(size).of("lips")) > 0.9
    reflectance = (face.linear / face.illuminant)[0][:, lips].median(1).values.clamp(0, 1)
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in to_srgb(reflectance))


@torch.no_grad()
def transcribe(cache: FaceCache, student: TryOnModel, source: Tensor, reference: Tensor) -> Tensor:
    """Layers that put the lipstick of references on sources.

    Args:
        cache: the faces.
        student: in evaluation mode; its answer is kept beside the lips.
        source: (B,) positions.
        reference: (B,) positions.

    Returns:
        (B, 6, A, A) float16.
    """
    size = cache.size
    styles = [
        MakeupStyle(lips=Lips(COVERAGE, lipstick_of(substrates(cache, one[None]))))
        for one in reference
    ]
    painted = paint(substrates(cache, source), StyleBatch(styles, "cpu")).packed()
    looks = complete_by_symmetry(textures(cache, reference, size))
    own = student(textures(cache, source, size), looks)
    lips = torch.as_tensor(region_masks(size).weights[..., REGIONS.index("lips")])
    return torch.lerp(own, painted, lips.clamp(0, 1)).half()


def write(config: TranscribeConfig) -> Endpoints:
    """Draw pairs, transcribe them and write the file.

    Raises:
        TryOnError: there is no such cache or model, or nobody in it wears lipstick.
    """
    from tqdm import tqdm

    torch.set_num_threads(config.threads)
    cache, student = FaceCache.load(config.data), load_model(config.student)
    worn = wearers(cache)
    if len(worn) == 0:
        raise ConfigError("no face of the train split wears lipstick that could be read")
    source, reference = pair_up(cache, worn, config.count, config.seed)
    starts = tqdm(range(0, config.count, TOGETHER), unit="batch")
    layers = [
        transcribe(cache, student, source[i : i + TOGETHER], reference[i : i + TOGETHER])
        for i in starts
    ]
    about = f"{faces_digest(cache)} lips of {len(worn)} faces, seed {config.seed}"
    found = Endpoints(source, reference, torch.cat(layers), about)
    found.save(config.out)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.transcribe", description=__doc__)
    add_arguments(parser, TranscribeConfig)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    config = from_arguments(parsed, TranscribeConfig)
    found = write(config)
    print(f"{len(found)} pairs of {len(set(found.reference.tolist()))} references in {config.out}")


if __name__ == "__main__":
    raise SystemExit(main())
