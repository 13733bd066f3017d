"""The face cache: a folder of portraits unwrapped once into packed atlas textures.

`python -m tryon.train.faces FOLDER --split split.tsv -o faces.safetensors`. Training then needs
neither the photographs nor a face parser.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tryon.console import run_main
from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.skin import skin_likelihood
from tryon.cosmetics.substrate import skin_tone
from tryon.errors import ConfigError
from tryon.train.natural import DISTANCE, distance_from_natural, lip_signature

ENOUGH = 60
"""Faces from which it can be told what natural lips are."""


MAX_YAW = 40.0
"""deg; of a face turned further one half is not seen, and what lies there in the atlas is smear."""

MIN_CONFIDENCE = 0.9
"""Below it the landmarks lie on something else than a whole face."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceCache:
    """N bare faces in the atlas."""

    texture: Tensor  # (N, 4, A, A) uint8: sRGB RGB, visibility
    skin: Tensor  # (N, 1, A, A) uint8: how surely skin, 0..255
    ita: Tensor  # (N,) float32 skin tone, deg
    made_up: Tensor  # (N,) bool: already wears makeup, so it is no bare reference
    names: tuple[str, ...]
    splits: tuple[str, ...]  # train, val or test for each face

    @property
    def size(self) -> int:
        """Texels a side."""
        return int(self.texture.shape[-1])

    def indices(self, split: str) -> Tensor:
        """Positions of the faces of one split."""
        found = [i for i, s in enumerate(self.splits) if s == split]
        return torch.tensor(found, dtype=torch.long)

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        from safetensors.torch import save_file

        tensors = {n: getattr(self, n) for n in ("texture", "skin", "ita", "made_up")}
        lists = {"names": json.dumps(self.names), "splits": json.dumps(self.splits)}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path, metadata=lists)

    @classmethod
    def load(cls, path: Path) -> FaceCache:
        """Read what `save` wrote."""
        from safetensors import safe_open

        if not path.is_file():
            raise ConfigError(
                f"no face cache at {path}; build one with python -m tryon.train.faces"
            )
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            lists = file.metadata()
        names, splits = (tuple(json.loads(lists[key])) for key in ("names", "splits"))
        return cls(**tensors, names=names, splits=splits)


def build_cache(folder: Path, split: dict[str, str], made_up: set[str], size: int) -> FaceCache:
    """Parse and unwrap every portrait named in `split` (relative path -> split name).

    Pictures without a whole face that looks at the camera are left out, each with a line.
    Who is in `made_up` or has lips unlike all others is no bare reference; see `natural`.

    Raises:
        ConfigError: no picture has a usable face.
    """
    from tqdm import tqdm

    from tryon.face.parse_fast import FastParser
    from tryon.face.unwrap import unwrap_face
    from tryon.look.photo import read_photo

    fields, parser = brush_fields(size), FastParser()
    textures, names = [], []
    for name in tqdm(sorted(split), desc="unwrap", unit="face"):
        image = read_photo(folder / name)
        faces = parser.detect(image)
        if not faces:
            tqdm.write(f"no face in {name}: left out")
            continue
        face = max(faces, key=lambda item: item.width)
        if abs(face.pose.yaw) > MAX_YAW or face.confidence < MIN_CONFIDENCE:
            tqdm.write(
                f"{name}: turned by {face.pose.yaw:.0f} deg, confidence {face.confidence:.2f}: "
                "left out"
            )
            continue
        unwrapped = unwrap_face(image, face, size)
        packed = np.concatenate([unwrapped.colour, unwrapped.visibility[..., None]], -1)
        textures.append(torch.from_numpy(packed).permute(2, 0, 1))
        names.append(name)
    parser.close()
    if not textures:
        raise ConfigError(
            f"no usable face in any of {len(split)} picture(s) of {folder}; give frontal portraits"
        )
    texture = torch.stack(textures)
    skin = torch.cat([skin_likelihood(part[:, :3], fields) for part in torch.split(texture, 32)])
    weight = fields.face * skin * texture[:, 3:]
    linear = to_linear(texture[:, :3])
    mean = (linear * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1.0)
    ita, worn = skin_tone(mean), torch.tensor([name in made_up for name in names])
    if len(names) >= ENOUGH:
        signature = lip_signature(linear, texture[:, 3:], skin)
        worn |= distance_from_natural(signature, ita, ~worn) > DISTANCE
    return FaceCache(
        texture=(255 * texture).round().to(torch.uint8),
        skin=(255 * skin).round().to(torch.uint8),
        ita=ita,
        made_up=worn,
        names=tuple(names),
        splits=tuple(split[name] for name in names),
    )


def read_split(path: Path, folder: Path) -> tuple[dict[str, str], set[str]]:
    """Read split.tsv (file, split) and the `already_made_up` flags of each set's INDEX.tsv.

    Raises:
        ConfigError: there is no such file.
    """
    if not path.is_file():
        raise ConfigError(f"no file {path}; write a TSV with columns file and split")
    with path.open(newline="", encoding="utf-8") as file:
        split = {row["file"]: row["split"] for row in csv.DictReader(file, delimiter="\t")}
    made_up = set()
    for index in sorted(folder.glob("*/INDEX.tsv")):
        with index.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row.get("already_made_up") == "1":
                    made_up.add(f"{index.parent.name}/{row['file']}")
    return split, made_up


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.faces", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of portrait sets")
    parser.add_argument("--split", type=Path, required=True, help="TSV with columns file, split")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    return run_main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    split, made_up = read_split(arguments.split, arguments.folder)
    cache = build_cache(arguments.folder, split, made_up, arguments.size)
    cache.save(arguments.output)
    print(f"{len(cache.names)} faces at {cache.size}² in {arguments.output}")


if __name__ == "__main__":
    raise SystemExit(main())
