"""Real makeup read as a style and painted on others: training pairs with real references.

`python -m tryon.train.transcribe --data FACES --eyes eyes.json --out real.safetensors`;
`tryon.train.distill --endpoints` teaches them. Painted references alone are known by their brush,
and real lipstick is then taken for the wearer's own lips. Lipstick is measured, as a swatch. Eye
makeup cannot be: bare lids differ more from each other than makeup differs from them, so that
people who looked say what is worn. Beside lips and eyes the student's own answer stands.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    student: Path = STUDENT_DIR  # model folder whose answer stands beside lips and eyes
    eyes: Path | None = None  # JSON: names of portraits -> styles with the eye makeup seen there
    out: Path = Path("real.safetensors")
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


def eyes_seen(path: Path, cache: FaceCache) -> dict[int, MakeupStyle]:
    """What people saw around the eyes of portraits of the train split, by position in the cache.

    Raises:
        ConfigError: the file cannot be read, or names somebody who is not trained on.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        styles = {name: MakeupStyle.from_json(style) for name, style in said.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"cannot read {path} ({error}); give JSON of name -> style") from error
    places = {name: index for index, name in enumerate(cache.names)}
    strange = [n for n in styles if n not in places or cache.splits[places[n]] != "train"]
    if strange:
        raise ConfigError(f"{path.name} names {strange[0]}, which is no face of the train split")
    return {
        places[name]: MakeupStyle(eyeshadow=style.eyeshadow, liner=style.liner, lashes=style.lashes)
        for name, style in styles.items()
    }


def read_styles(cache: FaceCache, eyes: Path | None) -> dict[int, MakeupStyle]:
    """The makeup that is known of the portraits that came made up, by position in the cache.

    Args:
        cache: the faces.
        eyes: what was seen around their eyes; see `eyes_seen`.

    Raises:
        ConfigError: as `eyes_seen`, or nobody wears any.
    """
    styles = eyes_seen(eyes, cache) if eyes else {}
    for one in wearers(cache):
        lips = Lips(COVERAGE, lipstick_of(substrates(cache, one[None])))
        styles[int(one)] = replace(styles.get(int(one), MakeupStyle()), lips=lips)
    if not styles:
        raise ConfigError("no face of the train split wears lipstick that could be read")
    return styles


def share_known(style: MakeupStyle, size: int) -> Tensor:
    """(A, A) 0..1: where the atlas is painted with a style; elsewhere nothing is known."""
    weights = torch.as_tensor(region_masks(size).weights)
    known = {"lips": {"lips"}, "eyes": {"eyeshadow", "liner", "lashes"}}
    regions = [name for name, layers in known.items() if layers & set(style.worn())]
    return weights[..., [REGIONS.index(name) for name in regions]].sum(-1).clamp(0, 1)


@torch.no_grad()
def transcribe(
    cache: FaceCache,
    student: TryOnModel,
    source: Tensor,
    reference: Tensor,
    styles: Mapping[int, MakeupStyle],
) -> Tensor:
    """Layers that put the makeup of references on sources.

    Args:
        cache: the faces.
        student: in evaluation mode; its answer is kept where nothing is known.
        source: (B,) positions.
        reference: (B,) positions.
        styles: what references wear, by position.

    Returns:
        (B, 6, A, A) float16.
    """
    size = cache.size
    worn = [styles[one] for one in reference.tolist()]
    painted = paint(substrates(cache, source), StyleBatch(worn, "cpu")).packed()
    looks = complete_by_symmetry(textures(cache, reference, size))
    own = student(textures(cache, source, size), looks)
    known = torch.stack([share_known(style, size) for style in worn])
    return torch.lerp(own, painted, known[:, None]).half()


def write(config: TranscribeConfig) -> Endpoints:
    """Draw pairs, transcribe them and write the file.

    Raises:
        TryOnError: there is no such cache, model or file, or nobody in it wears makeup.
    """
    from tqdm import tqdm

    torch.set_num_threads(config.threads)
    cache, student = FaceCache.load(config.data), load_model(config.student)
    styles = read_styles(cache, config.eyes)
    worn = torch.tensor(sorted(styles))
    source, reference = pair_up(cache, worn, config.count, config.seed)
    starts = tqdm(range(0, config.count, TOGETHER), unit="batch")
    layers = [
        transcribe(cache, student, source[i : i + TOGETHER], reference[i : i + TOGETHER], styles)
        for i in starts
    ]
    about = f"{faces_digest(cache)} makeup of {len(worn)} faces, seed {config.seed}"
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
