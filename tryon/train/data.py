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

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.captions import FORMS, caption
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.strokes import free_shapes
from tryon.cosmetics.style import MakeupStyle
from tryon.cosmetics.substrate import estimate_substrate, masked_blur
from tryon.cosmetics.vector import style_vector
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
    morph: float = 0.2  # share of people who are half somebody else of the same split
    held_out: int = 96  # pairs for validation

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a number in 0..1000")


CALM = DataConfig(
    noise=0,
    blur=1,
    jitter=0,
    occluded=0,
    exposure=0,
    white_balance=0,
    side_light=0,
    worn=0,
    morph=0,
)
"""Pictures as a good camera takes them in one light: only the people differ."""

GROUP = 4
"""People that wear one style. Each is a source, each bare one also a reference for the others, so
that a painting serves twice; it is also how many faces a CPU's caches hold while painting."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What the pairs of a batch wear, in numbers and in words."""

    vectors: Tensor  # (B, V) float32, see tryon.cosmetics.vector
    captions: tuple[str, ...]


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
        bare = ~self.cache.made_up
        self._pool = {
            split: (chances.to(self.device), (chances * bare).to(self.device))
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
        groups = [self._make("train", size, self._rng) for _ in range(0, count, GROUP)]
        return concatenate(groups).pick(slice(count))

    def held_out(self, size: int, split: str = "val") -> Iterator[PairBatch]:
        """The same pairs at each call: identities and styles never trained on."""
        if split not in self._pool:
            chances = self._chances(split)
            bare = chances * ~self.cache.made_up
            self._pool[split] = (chances.to(self.device), bare.to(self.device))
        rng = torch.Generator(self.device).manual_seed(987654321)
        for start in range(0, self.config.held_out, 2):  # two of a group: more styles are seen
            batch = self._make(split, size, rng)
            yield batch.pick(slice(min(2, self.config.held_out - start)))

    def style_of(self, number: int) -> MakeupStyle:
        """The style that a number in `PairBatch.style` stands for."""
        return StyleSampler(number, foundation=self.foundation)()

    def describe(self, batch: PairBatch, dropout: float = 0.2) -> Description:
        """Style vectors and captions of a batch, from its style numbers alone."""
        numbers = batch.style.tolist()
        known = {number: self.style_of(number) for number in set(numbers)}
        vectors = {number: torch.from_numpy(style_vector(s)) for number, s in known.items()}
        return Description(
            torch.stack([vectors[number] for number in numbers]),
            tuple(
                caption(known[number], number + k, FORMS[(number + k) % len(FORMS)], dropout)
                for k, number in enumerate(numbers)
            ),
        )

    def _make(self, split: str, size: int, rng: torch.Generator) -> PairBatch:
        """One style on `GROUP` people."""
        everyone, bare = self._pool[split]
        # The first may have come made up: a source, but never a reference.
        first = torch.multinomial(everyone, 1, generator=rng)
        others = torch.multinomial(bare.index_fill(0, first, 0.0), GROUP - 1, generator=rng)
        who = torch.cat([first, others])
        wearer = torch.cat([others[:1], others.roll(-1)])
        fields = brush_fields(size, self.device)
        linear, visibility, skin = self._faces(who, size, bare, rng)
        number = torch.randint(2**62, (1,), generator=rng, device=self.device)
        linear, light = self._relight(linear, rng)
        ita = self.cache.ita[who.cpu()].to(self.device)
        substrate = estimate_substrate(skin, fields, linear, ita, light)
        layer = paint(substrate, StyleBatch([self.style_of(int(number))], self.device))
        made_up, affine = layer(linear).clamp(0, 1), layer.packed()
        reference, _ = self._misalign(
            torch.cat([quick_srgb(made_up[1:]), visibility[1:]], 1), made_up[1:, :0], rng
        )
        worn = self._random((GROUP, 1, 1, 1), rng) < self.config.worn
        if bool(worn.any()):
            linear = torch.where(worn, made_up, linear)
            affine = torch.where(worn, _identity(affine), affine)
        source = torch.cat([quick_srgb(linear), visibility], 1)
        source, affine = self._misalign(source, affine, rng)
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
            number.expand(GROUP),
            who,
            wearer,
        )

    def _random(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        return torch.rand(shape, generator=rng, device=self.device)

    def _spread(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        return 2 * self._random(shape, rng) - 1

    def _faces(
        self, who: Tensor, size: int, bare: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Linear light, visibility and skin of people, some mirrored, some half somebody else."""
        linear, visibility, skin = self._stored(who, size)
        flip = self._random((len(who), 1, 1, 1), rng) < 0.5
        linear, visibility, skin = (
            torch.where(flip, t.flip(-1), t) for t in (linear, visibility, skin)
        )
        half = self._random((len(who),), rng) < self.config.morph
        donors = torch.multinomial(bare, len(who), True, generator=rng)
        share = 0.5 + 0.4 * self._random((len(who), 1, 1, 1), rng)
        if bool(half.any()):
            mixed = morph(
                (linear[half], visibility[half], skin[half]),
                self._stored(donors[half], size),
                share[half],
            )
            linear = linear.index_copy(0, half.nonzero()[:, 0], mixed)
        return linear, visibility, skin

    def _stored(self, who: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
        who = who.cpu()
        texture, skin = self.cache.texture[who].to(self.device), self.cache.skin[who]
        # 256 levels: looking the light up costs a seventh of the power function.
        levels = to_linear(torch.arange(256, device=self.device) / 255)
        linear = levels.index_select(0, texture[:, :3].flatten().int()).view_as(texture[:, :3])
        seen, skin = texture[:, 3:].float() / 255, skin.to(self.device).float() / 255
        factor = self.cache.size // size
        if factor > 1:
            linear, seen, skin = (F.avg_pool2d(t, factor) for t in (linear, seen, skin))
        return linear, seen, skin

    def _relight(self, linear: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Another exposure, white balance and side light; returns light and the lamp's colour."""
        n, config = len(linear), self.config
        size = linear.shape[-1]
        stops = config.exposure * self._spread((n, 1, 1, 1), rng)
        cast = config.white_balance * self._spread((n, 2), rng)
        balance = torch.stack([1 + cast[:, 0], 1 + 0.15 * cast.sum(1), 1 + cast[:, 1]], 1)
        ramp = torch.linspace(-1, 1, size, device=self.device)
        slope = config.side_light * self._spread((n, 2, 1, 1), rng)
        side = 1 + slope[:, :1] * ramp[None, None, None, :] + 0.5 * slope[:, 1:] * ramp[:, None]
        lit = linear * (2**stops * side.clamp_min(0.2)) * balance[:, :, None, None]
        # Roll off instead of clipping, as a camera does: 1 is reached with slope 0.
        over = (lit - 0.7).clamp(0, 0.6)
        return lit.clamp_max(0.7) + over - over * over / 1.2, balance[:, :, None, None]

    def _misalign(
        self, picture: Tensor, affine: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Shift smoothly, as when landmarks err: the picture and the layer that fits it."""
        n, size = len(picture), picture.shape[-1]
        shift = torch.randn((n, 2, 6, 6), generator=rng, device=self.device)
        amount = self.config.jitter * self._random((n, 1, 1, 1), rng) * 2 / 256
        shift = amount * F.interpolate(shift, (32, 32), mode="bicubic")
        shift = F.interpolate(shift, (size, size), mode="bilinear")
        grid = (brush_fields(size, self.device).uv + shift).permute(0, 2, 3, 1)
        joined = torch.cat([picture, affine], 1) if affine.shape[1] else picture
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


def quick_srgb(linear: Tensor) -> Tensor:
    """Linear light 0..1 to sRGB by square roots: a third of the time of the power function.

    Within 0.011 in the deepest shade, 0.004 elsewhere.

    For pictures that are disturbed anyhow; targets take the exact curve.
    """
    root = linear.clamp_min(0).sqrt()
    fourth = root.sqrt()
    # Fitted to the curve above its linear toe.
    out = 0.585122381 * root + 0.783140355 * fourth - 0.368262736 * fourth.sqrt()
    return torch.maximum(out, torch.zeros_like(out)).clamp_max(1)


Textures = tuple[Tensor, Tensor, Tensor]
"""Linear light (B, 3, A, A), visibility and skin (B, 1, A, A)."""


def morph(host: Textures, donor: Textures, share: Tensor) -> Tensor:
    """Half a new person: the host's tone and shading with the donor's features.

    In the atlas both have one shape, so that only texture is exchanged, where both show skin.

    Args:
        host: whose low frequencies, hair and border are kept.
        donor: whose detail is taken.
        share: (B, 1, 1, 1) how much of it, 0..1.

    Returns:
        (B, 3, A, A) linear light.
    """
    size = host[0].shape[-1]
    fields = brush_fields(size, str(host[0].device))
    both = fields.paintable * host[1] * host[2] * donor[1] * donor[2]
    a, b = (torch.log(t.clamp_min(0.003)) for t in (host[0], donor[0]))
    low = masked_blur(b - a, both + 1e-3 * fields.inside, 24 * size / 256)
    return torch.exp(a + share * both * (b - a - low)).clamp(0, 1)


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
