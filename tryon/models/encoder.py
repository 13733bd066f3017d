"""The makeup encoder: a picture of made-up skin, or words about it -> one vector; and its features.

Two towers trained to agree (see `tryon.train.encoder`). It tells makeup, not people: nothing here
knows whose face it is.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import ConfigError

WORDS, PIECES = 64, 12  # a caption's words that are read; pieces of a word


@dataclass(frozen=True, slots=True)
class TowerConfig:
    """An image tower and the text tower that goes with it."""

    kind: str  # clip: pretrained, pictures of faces; compact: from scratch, the atlas
    size: int  # side of the picture the tower sees
    width: int
    depth: int
    heads: int
    patch: int
    hidden: tuple[int, ...]  # layers whose patches are the features, counted from 1
    embedding: int  # width of a makeup vector
    channels: int = 4
    text_width: int = 192
    text_depth: int = 2
    buckets: int = 4096  # pieces of words that are told apart
    rank: int = 0  # of the corrections of a pretrained tower's last layers
    base: str = ""  # pretrained vision tower: folder or name
    text_base: str = ""  # pretrained text tower

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.kind not in ("clip", "compact"):
            raise ConfigError(f"kind = {self.kind!r}: use clip or compact.")
        if not self.hidden or not all(1 <= layer <= self.depth for layer in self.hidden):
            raise ConfigError(f"hidden = {self.hidden}: give layers in 1..{self.depth}.")
        if self.size % self.patch or self.width % self.heads:
            raise ConfigError("size must be a multiple of patch, width of heads.")

    @property
    def features(self) -> int:
        """How many features a picture gives: the patches of every chosen layer."""
        return len(self.hidden) * (self.size // self.patch) ** 2

    def to_json(self) -> dict[str, object]:
        """The configuration as plain JSON values."""
        return asdict(self)


CLIP_VIT_L = TowerConfig(
    kind="clip", size=224, width=1024, depth=24, heads=16, patch=14, hidden=(3, 6, 12, 24),
    embedding=1024, channels=3, rank=8,
    base="openai/clip-vit-large-patch14", text_base="laion/CLIP-ViT-g-14-laion2B-s12B-b42K",
)  # fmt: skip
COMPACT = TowerConfig(
    kind="compact", size=256, width=192, depth=6, heads=6, patch=16, hidden=(2, 4, 6), embedding=192
)
COMPACT_SMALL = TowerConfig(
    kind="compact", size=128, width=128, depth=4, heads=4, patch=16, hidden=(2, 4), embedding=128,
    text_width=96,
)  # fmt: skip
TOWERS = {"clip-vit-l": CLIP_VIT_L, "compact": COMPACT, "compact-small": COMPACT_SMALL}


class ImageTower(Protocol):
    """What the teacher and the makeup encoder need of an image tower."""

    def features(self, pictures: Tensor) -> Tensor:
        """(B, c, S, S) in 0..1 -> (B, features, width), layer after layer."""
        ...

    def pooled(self, pictures: Tensor) -> Tensor:
        """(B, c, S, S) in 0..1 -> (B, width)."""
        ...


class CompactTower(nn.Module):
    """A small vision transformer for the atlas: four channels, colour and visibility."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        width, half = config.width, config.width // 2
        self.config = config
        # Two steps into the patch: a liner is thinner than a patch, but wider than a texel.
        self.stem = nn.Sequential(
            nn.Conv2d(config.channels, half, 4, 4), nn.GELU(),
            nn.Conv2d(half, width, config.patch // 4, config.patch // 4),
        )  # fmt: skip
        side = config.size // config.patch
        self.place = nn.Parameter(torch.randn(1, side * side, width) * 0.02)
        self.layers = nn.ModuleList(_block(width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)

    def _walk(self, pictures: Tensor) -> list[Tensor]:
        if pictures.shape[-1] != self.config.size:
            pictures = F.interpolate(pictures, (self.config.size,) * 2, mode="area")
        x = self.stem(pictures - 0.5).flatten(2).transpose(1, 2) + self.place
        hidden = []
        for layer in self.layers:
            x = layer(x)
            hidden.append(x)
        return hidden

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 4, S, S) -> (B, features, width)."""
        hidden = self._walk(pictures)
        chosen: Tensor = self.norm(torch.cat([hidden[n - 1] for n in self.config.hidden], 1))
        return chosen

    def pooled(self, pictures: Tensor) -> Tensor:
        """(B, 4, S, S) -> (B, width), the mean patch of the last layer."""
        pooled: Tensor = self.norm(self._walk(pictures)[-1]).mean(1)
        return pooled


class CompactText(nn.Module):
    """Words -> a vector; words are known by their pieces, so that no vocabulary has to be kept."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        width = config.text_width
        self.buckets = config.buckets
        self.pieces = nn.Embedding(config.buckets, width, padding_idx=0)
        self.place = nn.Parameter(torch.randn(1, WORDS, width) * 0.02)
        self.layers = nn.ModuleList(_block(width, 4) for _ in range(config.text_depth))
        self.out = nn.Linear(width, config.embedding, bias=False)

    def forward(self, captions: Sequence[str]) -> Tensor:
        """Captions -> (B, embedding)."""
        ids = torch.tensor([pieces_of(c, self.buckets) for c in captions], device=self.place.device)
        known = (ids > 0).float()
        count = known.sum(-1, keepdim=True)
        x = (self.pieces(ids) * known[..., None]).sum(-2) / count.clamp_min(1)
        x, empty = x + self.place, count[..., 0] == 0
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=empty)
        weight = (~empty).float()[..., None]
        mean: Tensor = self.out((x * weight).sum(1) / weight.sum(1).clamp_min(1))
        return mean


def pieces_of(caption: str, buckets: int) -> list[list[int]]:
    """Numbers of the pieces of a caption's words, 0 for none.

    Returns:
        `WORDS` lists of `PIECES` numbers in 0..buckets - 1: the word and its runs of 3 and 4
        letters (as fastText does), so that "brick-red" and "brick red" are close.
    """
    words = re.findall(r"[a-z0-9]+", caption.lower())[:WORDS] or ["nothing"]
    rows = []
    for word in words:
        marked = f"<{word}>"
        runs = [marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1)]
        pieces = [marked, *runs][:PIECES]
        numbers = [1 + zlib.crc32(piece.encode()) % (buckets - 1) for piece in pieces]
        rows.append(numbers + [0] * (PIECES - len(numbers)))
    return rows + [[0] * PIECES] * (WORDS - len(rows))


class MakeupEncoder(nn.Module):
    """Both towers, and the head that turns the image tower's view into a makeup vector."""

    def __init__(self, config: TowerConfig, image: nn.Module, text: nn.Module) -> None:
        super().__init__()
        self.config, self.image, self.text = config, image, text
        self.style = nn.Linear(config.width, config.embedding, bias=False)

    def of_pictures(self, pictures: Tensor) -> Tensor:
        """(B, c, S, S) sRGB 0..1 (and visibility) -> (B, embedding) of length 1."""
        tower: ImageTower = self.image  # type: ignore[assignment]
        return F.normalize(self.style(tower.pooled(pictures)), dim=-1)

    def of_texts(self, captions: Sequence[str]) -> Tensor:
        """Captions -> (B, embedding) of length 1."""
        return F.normalize(self.text(captions), dim=-1)

    def forward(self, pictures: Tensor, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        """Vectors of both; None where there are no captions."""
        return self.of_pictures(pictures), self.of_texts(captions) if captions else None


def new_tower(config: TowerConfig) -> nn.Module:
    """The image tower of a configuration: a compact one from scratch, CLIP from its weights."""
    if config.kind == "compact":
        return CompactTower(config)
    from tryon.models.clip import ClipTower

    return ClipTower.pretrained(config)


def new_encoder(config: TowerConfig) -> MakeupEncoder:
    """A makeup encoder to be trained."""
    if config.kind == "compact":
        return MakeupEncoder(config, CompactTower(config), CompactText(config))
    from tryon.models.clip import ClipText, ClipTower

    return MakeupEncoder(config, ClipTower.pretrained(config), ClipText.pretrained(config))


def _block(width: int, heads: int) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
    )
