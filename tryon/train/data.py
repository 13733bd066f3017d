"""Painted pairs: the same style painted on several people, with the exact layer as the target.

FRAM's data stage without an editing model: pairs are exact and unlimited. All on one device, in
batches; it never reads a file after the face cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import brush_fields, free_shapes
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.substrate import estimate_substrate
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train.faces import FaceCache
from tryon.train.metrics import ITA_BINS, ita_bin
from tryon.train.pairs import PairBatch, concatenate

ITA_NAMES = [name for name, _ in ITA_BINS]


@dataclass(frozen=True, slots=True)
class DataConfig:
    """How pictures vary; every range is drawn uniformly."""

    exposure: float = 0.7  # +- stops
    white_balance: float = 0.16  # +- relative gain of red and blue
    side_light: float = 0.45  # +- relative light from one side of the face to the other
    noise: float = 0.025  # sensor noise, sigma at most, of 1
    blur: float = 3.0  # resolution is lost by up to this factor
    jitter: float = 1.2  # texels of a 256 atlas by which landmarks err
    occluded: float = 0.25  # share of sources with something in front of the face
    worn: float = 0.08  # share of sources that wear the style already: nothing is to be added
    held_out: int = 96  # pairs for validation

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a number in 0..1000")


GROUP = 4
"""People that wear one style. Each is a source, each bare one also a reference for the others, so
that a painting serves twice; it is also how many faces a CPU's caches hold while painting."""


@dataclass(eq=False)
class PaintedPairs:
    """A `PairSource` over a face cache."""

    cache: FaceCache
    config: DataConfig = field(default_factory=DataConfig)
    seed: int = 0
    device: str = "cpu"
    foundation: bool = True

    def __post_init__(self) -> None:
        self._rng = torch.Generator(self.device).manual_seed(self.seed)
        self._styles = StyleSampler(self.seed, foundation=self.foundation)
        bare = ~self.cache.made_up
        self._pool = {
            split: (chances, chances * bare)
            for split in ("train", "val")
            for chances in (self._chances(split),)
        }
        if any((bare_ones > 0).sum() < GROUP for _, bare_ones in self._pool.values()):
            raise ConfigError(f"the face cache needs {GROUP} bare faces in each of train and val")

    def _chances(self, split: str) -> Tensor:
        """How likely each face is drawn: rare skin tones more often than they occur."""
        chances = torch.zeros(len(self.cache.names))
        indices = self.cache.indices(split)
        bins = [ITA_NAMES.index(ita_bin(float(ita))) for ita in self.cache.ita[indices]]
        tones = torch.tensor(bins, dtype=torch.long)
        chances[indices] = torch.bincount(tones).clamp_min(1)[tones].float().rsqrt()
        return chances

    def batch(self, size: int, count: int) -> PairBatch:
        """A fresh random training batch of `count` pairs in a `size`² atlas."""
        groups = [
            self._make("train", size, self._rng, self._styles) for _ in range(0, count, GROUP)
        ]
        return concatenate(groups).pick(slice(count))

    def held_out(self, size: int, split: str = "val") -> Iterator[PairBatch]:
        """The same pairs at each call: identities and styles never trained on."""
        if split not in self._pool:
            chances = self._chances(split)
            self._pool[split] = (chances, chances * ~self.cache.made_up)
        rng = torch.Generator(self.device).manual_seed(987654321)
        styles = StyleSampler(123456789, foundation=self.foundation)
        for start in range(0, self.config.held_out, 2):  # two of a group: more styles are seen
            batch = self._make(split, size, rng, styles)
            yield batch.pick(slice(min(2, self.config.held_out - start)))

    def _make(
        self, split: str, size: int, rng: torch.Generator, sampler: StyleSampler
    ) -> PairBatch:
        """One style on `GROUP` people."""
        everyone, bare = self._pool[split]
        # The first may have come made up: a source, but never a reference.
        first = torch.multinomial(everyone, 1, generator=rng)
        others = torch.multinomial(bare.index_fill(0, first, 0.0), GROUP - 1, generator=rng)
        who = torch.cat([first, others])
        wearer = torch.cat([others[:1], others.roll(-1)])
        fields = brush_fields(size, self.device)
        texture, skin = self._faces(who, size)
        flip = self._random((GROUP, 1, 1, 1), rng) < 0.5
        texture, skin = (torch.where(flip, t.flip(-1), t) for t in (texture, skin))
        colour, light = self._relight(texture[:, :3], rng)
        visibility = texture[:, 3:]
        ita = self.cache.ita[who].to(self.device)
        substrate = estimate_substrate(colour, skin, fields, ita, light)
        layer = paint(substrate, StyleBatch([sampler()] * GROUP, self.device))
        made_up, affine = to_srgb(layer(substrate.linear)), layer.packed()
        reference, _ = self._misalign(torch.cat([made_up, visibility], 1)[1:], made_up[1:, :0], rng)
        worn = self._random((GROUP, 1, 1, 1), rng) < self.config.worn
        colour = torch.where(worn, made_up, colour)
        affine = torch.where(worn, _identity(affine), affine)
        source, affine = self._misalign(torch.cat([colour, visibility], 1), affine, rng)
        affine, source = self._occlude(affine, source, rng)
        source, reference = self._degrade(source, rng), self._degrade(reference, rng)
        reference = complete_by_symmetry(reference)
        target = to_srgb(affine[:, :3] * to_linear(source[:, :3]) + affine[:, 3:])
        regions = torch.as_tensor(region_masks(size).weights, device=self.device)
        return PairBatch(
            source,
            torch.cat([reference[:1], reference.roll(-1, 0)]),
            affine,
            target,
            regions.permute(2, 0, 1),
            ita,
            torch.randint(2**62, (1,), generator=rng, device=self.device).expand(GROUP),
            who.to(self.device),
            wearer.to(self.device),
        )

    def _random(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        return torch.rand(shape, generator=rng, device=self.device)

    def _spread(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        return 2 * self._random(shape, rng) - 1

    def _faces(self, who: Tensor, size: int) -> tuple[Tensor, Tensor]:
        texture = self.cache.texture[who].to(self.device).float() / 255
        skin = self.cache.skin[who].to(self.device).float() / 255
        factor = self.cache.size // size
        if factor > 1:
            texture, skin = F.avg_pool2d(texture, factor), F.avg_pool2d(skin, factor)
        return texture, skin

    def _relight(self, colour: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Another exposure, white balance and side light; returns sRGB and the light's colour."""
        n, config = len(colour), self.config
        size = colour.shape[-1]
        stops = config.exposure * self._spread((n, 1, 1, 1), rng)
        cast = config.white_balance * self._spread((n, 2), rng)
        balance = torch.stack([1 + cast[:, 0], 1 + 0.15 * cast.sum(1), 1 + cast[:, 1]], 1)
        ramp = torch.linspace(-1, 1, size, device=self.device)
        slope = config.side_light * self._spread((n, 2, 1, 1), rng)
        side = 1 + slope[:, :1] * ramp[None, None, None, :] + 0.5 * slope[:, 1:] * ramp[:, None]
        light = 2**stops * balance[:, :, None, None] * side.clamp_min(0.2)
        # Roll off instead of clipping, as a camera does.
        lit = to_linear(colour) * light
        lit = torch.where(lit > 0.7, 1 - 0.3 * torch.exp(-(lit - 0.7) / 0.3), lit)
        return to_srgb(lit), balance[:, :, None, None]

    def _misalign(
        self, picture: Tensor, affine: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Shift smoothly, as when landmarks err: the picture and the layer that fits it."""
        n, size = len(picture), picture.shape[-1]
        shift = torch.randn((n, 2, 6, 6), generator=rng, device=self.device)
        shift = F.interpolate(shift, (size, size), mode="bicubic").permute(0, 2, 3, 1)
        amount = self.config.jitter * self._random((n, 1, 1, 1), rng) * 2 / 256
        theta = torch.eye(2, 3, device=self.device).expand(n, -1, -1)
        grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False) + amount * shift
        joined = torch.cat([picture, affine], 1)
        moved = F.grid_sample(joined, grid, padding_mode="border", align_corners=False)
        return moved[:, : picture.shape[1]], moved[:, picture.shape[1] :]

    def _occlude(
        self, affine: Tensor, source: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Put a piece of somebody's skin, or of plain colour, in front: no makeup lies there."""
        n, size = len(source), source.shape[-1]
        fields = brush_fields(size, self.device)
        noise = torch.randn((n, 1, 5, 5), generator=rng, device=self.device)
        cover = 0.05 + 0.25 * self._random((n, 1, 1, 1), rng)
        shape = free_shapes(fields, noise, cover, torch.ones_like(cover))
        shape = shape * (self._random((n, 1, 1, 1), rng) < self.config.occluded)
        other = source.roll(1, 0).roll((size // 3, size // 4), (2, 3)).flip(2)[:, :3]
        plain = self._random((n, 3, 1, 1), rng).expand_as(other)
        filled = torch.where(self._random((n, 1, 1, 1), rng) < 0.6, other, plain)
        colour = source[:, :3] * (1 - shape) + filled * shape
        return affine + shape * (_identity(affine) - affine), torch.cat([colour, source[:, 3:]], 1)

    def _degrade(self, picture: Tensor, rng: torch.Generator) -> Tensor:
        """Low resolution and sensor noise; the visibility channel stays."""
        n, size = len(picture), picture.shape[-1]
        colour = picture[:, :3]
        factor = 1 + (self.config.blur - 1) * float(self._random((1,), rng))
        if factor > 1.3:
            small = F.interpolate(colour, size=round(size / factor), mode="area")
            soft = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
            colour = torch.where(self._random((n, 1, 1, 1), rng) < 0.5, soft, colour)
        sigma = self.config.noise * self._random((n, 1, 1, 1), rng) ** 2
        noisy = colour + sigma * torch.randn(colour.shape, generator=rng, device=self.device)
        inside = brush_fields(size, self.device).inside
        return torch.cat([noisy.clamp(0, 1) * inside, picture[:, 3:]], 1)


def _identity(affine: Tensor) -> Tensor:
    """The layer that changes nothing, (B, 6, A, A)."""
    return torch.cat([torch.ones_like(affine[:, :3]), torch.zeros_like(affine[:, 3:])], 1)


def open_pairs(cache: Path, seed: int) -> PaintedPairs:
    """The pairs of a face cache file."""
    return PaintedPairs(FaceCache.load(cache), seed=seed)


def complete_by_symmetry(reference: Tensor) -> Tensor:
    """Fill what a reference hides with the mirrored other side, where that is seen better.

    Args:
        reference: (B, 4, A, A) sRGB + visibility.

    Returns:
        (B, 4, A, A); visibility is that of the better side.
    """
    mirrored = reference.flip(-1)
    seen, other = reference[:, 3:], mirrored[:, 3:]
    take = ((other - seen) / 0.5).clamp(0, 1)
    return reference + take * (mirrored - reference)
