"""Teacher matching: a teacher's answers as training pairs, mixed with exact painted ones.

They are for what cannot be painted exactly: real makeup of real references. The student takes one
step, from the source, so only the ends of the teacher's trajectories are of use to it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.pigment import to_linear
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train.data import photographed
from tryon.train.disturb import complete_by_symmetry, degraded, quick_srgb, relit
from tryon.train.faces import FaceCache
from tryon.train.pairs import PairBatch, PairSource
from tryon.train.variety import LIVED_IN, DataConfig

FIRST_STYLE = -10
"""References count down from here, below the numbers of painted styles."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoints:
    """N layers that a teacher made, and between whom; faces are positions in a face cache."""

    source: Tensor  # (N,) int64
    reference: Tensor  # (N,) int64
    layer: Tensor  # (N, 6, a, a) float16: gain RGB, offset RGB; linear light
    about: str  # digest of the faces, the teacher and the settings

    def __len__(self) -> int:
        return len(self.source)

    def save(self, path: Path) -> None:
        """Write as safetensors, in one piece."""
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        tensors = {n: getattr(self, n).contiguous() for n in ("source", "reference", "layer")}
        save_file(tensors, part, metadata={"about": self.about})
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> Endpoints:
        """Read what `save` wrote.

        Raises:
            ConfigError: there is no such file, or it is something else.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}
                return cls(**tensors, about=file.metadata()["about"])
        except (OSError, SafetensorError, TypeError, KeyError) as error:
            raise ConfigError(
                f"no endpoints in {path}; make them with python -m tryon.train.endpoints"
            ) from error


def faces_digest(cache: FaceCache) -> str:
    """Tells one face cache from another."""
    return hashlib.sha256(json.dumps([cache.names, cache.size]).encode()).hexdigest()


def pair_up(cache: FaceCache, wearers: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Who gets whose makeup: any face of the train split, and another of the wearers.

    Args:
        cache: the faces, at least two in the train split.
        wearers: positions of faces of the train split, at least one.
        count: pairs.
        seed: of what is drawn.

    Returns:
        Positions of sources and of references, (count,) each.
    """
    rng = torch.Generator().manual_seed(seed)
    everyone = cache.indices("train")
    reference = wearers[torch.randint(len(wearers), (count,), generator=rng)]
    place = torch.searchsorted(everyone, reference)
    step = torch.randint(1, len(everyone), (count,), generator=rng)
    return everyone[(place + step) % len(everyone)], reference


def textures(cache: FaceCache, who: Tensor, size: int) -> Tensor:
    """Faces as (B, 4, size, size) float32: sRGB RGB and visibility, 0..1."""
    return F.interpolate(cache.texture[who].float() / 255, (size, size), mode="area")


@dataclass(eq=False)
class EndpointPairs:
    """A `PairSource` of endpoints, seen by a camera as painted pairs are."""

    cache: FaceCache
    endpoints: Endpoints
    config: DataConfig = LIVED_IN
    seed: int = 0
    _rng: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        if not self.endpoints.about.startswith(faces_digest(self.cache)):
            raise ConfigError("these endpoints are of another face cache; make them again.")
        self._rng = torch.Generator().manual_seed(self.seed)

    def batch(self, size: int, count: int) -> PairBatch:
        """A random batch; a style is a reference."""
        found = self.endpoints
        rows = torch.randint(len(found), (count,), generator=self._rng)
        who, wearer = found.source[rows], found.reference[rows]
        affine = F.interpolate(found.layer[rows].float(), (size, size), mode="bilinear")
        source, affine, target = photographed(
            textures(self.cache, who, size), affine, self.config, self._rng
        )
        reference = textures(self.cache, wearer, size)
        light, _ = relit(to_linear(reference[:, :3]), self.config, self._rng)
        reference = complete_by_symmetry(torch.cat([quick_srgb(light), reference[:, 3:]], 1))
        regions = torch.as_tensor(region_masks(size).weights).permute(2, 0, 1)
        return PairBatch(
            source, degraded(reference, self.config, self._rng), affine, target, regions,
            self.cache.ita[who], FIRST_STYLE - wearer, who, wearer,
        )  # fmt: skip


@dataclass(eq=False)
class Mixed:
    """Batches of painted pairs, and in a share of the draws a teacher's."""

    painted: PairSource
    matched: EndpointPairs
    share: float
    seed: int = 0
    _rng: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = torch.Generator().manual_seed(self.seed)

    def batch(self, size: int, count: int) -> PairBatch:
        """A batch of one kind or the other; `Replay` mixes them."""
        matched = float(torch.rand((), generator=self._rng)) < self.share
        return (self.matched if matched else self.painted).batch(size, count)

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """Painted pairs: their targets are exact."""
        return self.painted.held_out(size)


def mixed(painted: PairSource, data: Path, endpoints: Path, share: float, seed: int) -> Mixed:
    """Painted pairs with a share of a teacher's, from a face cache and a file of endpoints.

    Raises:
        ConfigError: there is no such file, or it is of other faces.
    """
    found = EndpointPairs(FaceCache.load(data), Endpoints.load(endpoints), seed=seed)
    return Mixed(painted, found, share, seed)
