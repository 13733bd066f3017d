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
from tryon.cosmetics.pigment import Affine, to_linear, to_srgb
from tryon.cosmetics.sampler import StyleSampler
from tryon.cosmetics.style import MakeupStyle
from tryon.cosmetics.substrate import estimate_substrate
from tryon.cosmetics.vector import style_vector
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train.disturb import (
    complete_by_symmetry,
    degraded,
    misaligned,
    poorly_lit,
    quick_srgb,
    reflected,
    relit,
    smeared,
    turned,
    uniform,
    veiled,
)
from tryon.train.faces import FaceCache
from tryon.train.metrics import ITA_BINS, ita_bin
from tryon.train.occluders import cover
from tryon.train.pairs import PairBatch, concatenate
from tryon.train.people import Textures, morph, recoloured
from tryon.train.rewear import between, chosen
from tryon.train.variety import DataConfig
from tryon.types import REMOVAL

ITA_NAMES = [name for name, _ in ITA_BINS]

GROUP = 4
"""People that wear one style. Each is a source, each bare one also a reference for the others, so
that a painting serves twice; it is also how many faces a CPU's caches hold while painting."""

BARE, REMOVED = -1, -2
"""Style numbers of no makeup, and of pairs whose makeup is to come off: all alike to a matcher."""

NOBODY = -1
"""Who wears the reference that asks for removal."""


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
    style: MakeupStyle | None = None  # what all wear; None draws styles

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
        """The style that a number in `PairBatch.style` stands for; below 0 it is none."""
        if number < 0:
            return MakeupStyle()
        if self.style is not None:
            return self.style
        everyday = self.config.everyday
        return StyleSampler(number, foundation=self.foundation, everyday=everyday)()

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
        return self._painted(torch.cat([first, others]), bare, size, rng)

    def one_style(self, who: Tensor, size: int, rng: torch.Generator) -> PairBatch:
        """One random style on these people, each the source of a pair.

        Args:
            who: (N,) positions in the cache, N at least 2; all but the first are bare.
            size: texels a side.
            rng: random numbers.
        """
        return self._painted(who, self._pool["train"][1], size, rng)

    def _painted(self, who: Tensor, donors: Tensor, size: int, rng: torch.Generator) -> PairBatch:
        others, group = who[1:], len(who)
        wearer = torch.cat([others[:1], others.roll(-1)])
        fields = brush_fields(size, self.device)
        config = self.config
        (linear, visibility, skin), ita = self._faces(who, size, donors, rng)
        number, another = torch.randint(2**62, (2, 1), generator=rng, device=self.device)
        chances = uniform((2,), rng).tolist()
        if chances[0] < config.bare:
            number = torch.full_like(number, BARE)
        linear, light = relit(linear, config, rng)
        substrate = estimate_substrate(skin, fields, linear, ita, light)
        style = self.style_of(int(number))
        after = paint(substrate, StyleBatch([style], self.device))
        made_up = after(linear).clamp(0, 1)
        reference = torch.cat([quick_srgb(made_up[1:]), visibility[1:]], 1)
        reference, _ = misaligned(reference, made_up[1:, :0], config, rng)
        reference = reflected(reference, config, rng)
        reference, _ = cover(reference, config.hidden, rng, hands=True)
        reference, _ = poorly_lit(reference, config.references_poorly_lit, rng)
        reference = complete_by_symmetry(degraded(turned(reference, config, rng), config, rng))
        before, worn = after, uniform((group, 1, 1, 1), rng) < config.worn
        if chances[1] < config.other:
            worn, under = torch.ones_like(worn), self.style_of(int(another))
            before, after = (
                paint(substrate, StyleBatch([one], self.device))
                for one in (under, style.over(under))
            )
        none = Affine.identity_like(linear)
        off = uniform((group, 1, 1, 1), rng) < config.removed * torch.where(worn, 1.0, 0.25)
        before = chosen(worn, before, none)
        affine = between(linear, before, chosen(off, none, after))
        linear = before(linear).clamp(0, 1)
        source, affine, target = photographed(
            torch.cat([quick_srgb(linear), visibility], 1), affine, config, rng
        )
        references = torch.cat([reference[:1], reference.roll(-1, 0)])
        gone = off[:, 0, 0, 0]
        regions = torch.as_tensor(region_masks(size).weights, device=self.device)
        return PairBatch(
            source,
            torch.where(off, reference.new_tensor(REMOVAL)[:, None, None], references),
            affine,
            target,
            regions.permute(2, 0, 1),
            ita,
            torch.where(gone, REMOVED, number),
            who,
            torch.where(gone, NOBODY, wearer),
        )

    def _faces(
        self, who: Tensor, size: int, bare: Tensor, rng: torch.Generator
    ) -> tuple[Textures, Tensor]:
        """People and their skin tones: some mirrored, half somebody else, of another complexion."""
        linear, visibility, skin = self._stored(who, size)
        flip = uniform((len(who), 1, 1, 1), rng) < 0.5
        linear, visibility, skin = (
            torch.where(flip, t.flip(-1), t) for t in (linear, visibility, skin)
        )
        half = uniform((len(who),), rng) < self.config.morph
        donors = torch.multinomial(bare, len(who), True, generator=rng)
        share = 0.5 + 0.4 * uniform((len(who), 1, 1, 1), rng)
        if bool(half.any()):
            mixed = morph(
                (linear[half], visibility[half], skin[half]),
                self._stored(donors[half], size),
                share[half],
            )
            linear = linear.index_copy(0, half.nonzero()[:, 0], mixed)
        ita = self.cache.ita[who.cpu()].to(self.device)
        if self.config.complexion:
            linear, ita = recoloured(linear, skin, ita, self.config.complexion, rng)
        return (linear, visibility, skin), ita

    def _stored(self, who: Tensor, size: int) -> Textures:
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


def photographed(
    source: Tensor, affine: Tensor, config: DataConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A source as a camera would show it, with things in front, which its layer leaves alone.

    Args:
        source: (B, 4, A, A) sRGB and visibility.
        affine: (B, 6, A, A) the layer it shall wear.
        config: ranges.
        rng: random numbers.

    Returns:
        Source and layer, disturbed alike, and the target (B, 3, A, A): one wearing the other.
    """
    source, affine = misaligned(source, affine, config, rng)
    source, hidden = cover(source, config.occluded, rng)
    affine = torch.lerp(affine, Affine.identity_like(affine[:, :3]).packed(), hidden)
    source, affine = veiled(source, affine, config, rng)
    source = smeared(source, config.smeared, rng)
    source, light = poorly_lit(source, config.poorly_lit, rng)
    affine = torch.cat([affine[:, :3], light * affine[:, 3:]], 1)
    source = degraded(turned(source, config, rng), config, rng)
    target = to_srgb(affine[:, :3] * to_linear(source[:, :3]) + affine[:, 3:])
    return source, affine, target


def open_pairs(cache: Path, seed: int, config: DataConfig | None = None) -> PaintedPairs:
    """The pairs of a face cache file."""
    return PaintedPairs(FaceCache.load(cache), config or DataConfig(), seed)
