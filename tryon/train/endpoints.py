"""What a teacher answers where no exact answer exists: real made-up references on real faces.

`python -m tryon.train.endpoints --data FACES --teacher RUN/teacher --out endpoints.safetensors`
samples it once for each pair; `tryon.train.distill --endpoints` teaches its answers to the student.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.models.mesh_render import atlas_mesh
from tryon.models.sampling import SampleConfig, region_mask, sample
from tryon.models.teacher import Condition, Teacher
from tryon.models.teacher_files import load_teacher
from tryon.models.tokens import TOKEN_REGIONS
from tryon.train.disturb import complete_by_symmetry
from tryon.train.faces import FaceCache
from tryon.train.matching import Endpoints, faces_digest, pair_up, textures

TOGETHER = 4
"""Faces that are sampled at a time."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """What is sampled; every field is a flag."""

    data: Path = Path("cache")  # face cache
    teacher: Path | None = None  # teacher's folder; none: the one that ships
    out: Path = Path("endpoints.safetensors")  # written every minute or so, and gone on from
    count: int = 512  # pairs
    steps: int = 4  # denoising steps
    seed: int = 0
    device: str = "cpu"  # torch device
    threads: int = 2  # CPU threads

    def __post_init__(self) -> None:
        for name, low, high in (("count", 1, 10**7), ("steps", 1, 1000), ("threads", 1, 1024)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} = {getattr(self, name)}: use {low}..{high}.")


def draw_pairs(cache: FaceCache, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Who gets whose makeup: any face of the train split, and another that came made up.

    Raises:
        ConfigError: nobody in the train split came made up, or there is nobody else.
    """
    everyone = cache.indices("train")
    wearers = everyone[cache.made_up[everyone]]
    if len(wearers) == 0 or len(everyone) < 2:
        raise ConfigError("no face of the train split came made up: the teacher has no references")
    return pair_up(cache, wearers, count, seed)


@torch.no_grad()
def sample_endpoints(
    teacher: Teacher, cache: FaceCache, pairs: tuple[Tensor, Tensor], steps: int, seed: int
) -> Tensor:
    """The teacher's layers for some pairs.

    Args:
        teacher: of layers of the atlas, in evaluation mode.
        cache: the faces.
        pairs: positions of sources and references, (B,) each.
        steps: denoising steps.
        seed: of the noise they start from.

    Returns:
        (B, 6, a, a) float16 on the CPU.

    Raises:
        ConfigError: the teacher is of pictures.
    """
    size = teacher.config.size
    if teacher.config.codec == "vae":
        raise ConfigError(f"{teacher.config.preset} paints pictures; use a compact teacher here.")
    device = teacher.prompts.device
    source, reference = (textures(cache, who, size).to(device) for who in pairs)
    regions = torch.as_tensor(region_masks(size).weights, device=device).permute(2, 0, 1)
    condition = Condition(source, atlas_mesh(source[:, 3:], regions))
    mask = region_mask(regions, dict.fromkeys(TOKEN_REGIONS, 1.0))
    makeup = teacher.look(complete_by_symmetry(reference))
    layer = sample(teacher, condition, makeup, mask, SampleConfig(steps, seed=seed))
    return layer.half().cpu()


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.endpoints", description=__doc__)
    add_arguments(parser, EndpointConfig)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    config = from_arguments(parsed, EndpointConfig)
    print(f"{len(write(config))} endpoints in {config.out}")


def write(config: EndpointConfig, save_every: int = 16) -> Endpoints:
    """Sample what is missing in the file and write it.

    Args:
        config: settings.
        save_every: batches between two writings.

    Returns:
        All of it.

    Raises:
        TryOnError: there is no such face cache or teacher, or the file is of other ones.
    """
    from tqdm import tqdm

    from tryon.models.shipped import teacher_folder

    torch.set_num_threads(config.threads)
    folder = teacher_folder(config.teacher)
    cache, teacher = FaceCache.load(config.data), load_teacher(folder).to(config.device).eval()
    weights = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    about = f"{faces_digest(cache)} {weights} {config.steps} {config.seed}"
    source, reference = draw_pairs(cache, config.count, config.seed)
    layers: list[Tensor] = []
    if config.out.exists():
        known = Endpoints.load(config.out)
        if known.about != about:
            raise ConfigError(f"{config.out} is of other faces, teacher or settings; move it away.")
        layers.append(known.layer[: config.count])
    done = sum(len(layer) for layer in layers)

    def written() -> Endpoints:
        whole = torch.cat(layers)
        result = Endpoints(source[: len(whole)], reference[: len(whole)], whole, about)
        result.save(config.out)
        return result

    with tqdm(total=config.count, initial=done, unit="pair", file=sys.stderr) as bar:
        for index, start in enumerate(range(done, config.count, TOGETHER)):
            part = slice(start, min(start + TOGETHER, config.count))
            seed = config.seed + start
            pairs = (source[part], reference[part])
            layers.append(sample_endpoints(teacher, cache, pairs, config.steps, seed))
            bar.update(len(layers[-1]))
            if index % save_every == save_every - 1:
                written()
    return written()


if __name__ == "__main__":
    sys.exit(main())
