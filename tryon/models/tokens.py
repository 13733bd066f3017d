"""Makeup features -> tokens: a few learned queries for each region of the face, and their algebra.

A look is then edited by whole groups of tokens: spliced from several references, or blended by
strength. It never looks at a picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import ConfigError
from tryon.types import REGIONS

TOKEN_REGIONS = ("skin", "eyes", "nose", "lips")
"""Groups of tokens, in their order."""

GROUP_OF = {
    "skin": "skin", "cheeks": "skin", "nose": "nose", "brows": "eyes", "eyes": "eyes",
    "lips": "lips",
}  # fmt: skip
"""The group of tokens that makes up each region of the atlas."""


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Shape of the resampler."""

    per_region: int = 16  # queries of each region
    width: int = 1280
    depth: int = 4
    heads: int = 20
    head_width: int = 64
    expansion: int = 4  # of the feed-forward layers

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 1:
                raise ConfigError(f"tokens.{name} = {getattr(self, name)}: use at least 1.")

    @property
    def count(self) -> int:
        """All tokens of a look."""
        return self.per_region * len(TOKEN_REGIONS)


class Resampler(nn.Module):
    """Perceiver resampler: any number of features in, `TokenConfig.count` tokens out.

    Every query sees every feature; that a group tells of its region is taught by the attention
    loss alone.
    """

    def __init__(self, config: TokenConfig, inputs: int, features: int, outputs: int) -> None:
        """Make a resampler.

        Args:
            config: its shape.
            inputs: width of a feature.
            features: how many features come; fixed, because their places are encoded.
            outputs: width of a token.
        """
        super().__init__()
        self.features = features
        self.place: Tensor
        self.query_place: Tensor
        self.queries = nn.Parameter(torch.randn(1, config.count, config.width) / config.width**0.5)
        self.enter, self.leave = nn.Linear(inputs, config.width), nn.Linear(config.width, outputs)
        self.norm = nn.LayerNorm(outputs)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.depth))
        for name, length in (("place", features), ("query_place", config.count)):
            self.register_buffer(name, sine_positions(length, config.width), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Resample.

        Args:
            features: (B, features, inputs).

        Returns:
            (B, count, outputs), a group of `per_region` tokens after the other.

        Raises:
            ConfigError: another number of features, as when the encoder gives other layers.
        """
        if features.shape[1] != self.features:
            raise ConfigError(
                f"{features.shape[1]} makeup features for tokens made for {self.features}: "
                "use the encoder layers the teacher was trained with."
            )
        x = self.enter(features) + self.place
        latents = (self.queries + self.query_place).expand(len(x), -1, -1)
        for layer in self.layers:
            latents = layer(x, latents)
        tokens: Tensor = self.norm(self.leave(latents))
        return tokens


class _Layer(nn.Module):
    """The latents look at the features and at each other, then think for themselves."""

    def __init__(self, config: TokenConfig) -> None:
        super().__init__()
        inner, width = config.heads * config.head_width, config.width
        self.heads = config.heads
        self.norm_x, self.norm_latents = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.expansion * width, bias=False),
            nn.GELU(),
            nn.Linear(config.expansion * width, width, bias=False),
        )

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        seen = self.norm_latents(latents)
        q = self.to_q(seen)
        k, v = self.to_kv(torch.cat((self.norm_x(x), seen), 1)).chunk(2, -1)
        latents = latents + self.to_out(attend(q, k, v, self.heads))
        thought: Tensor = latents + self.think(latents)
        return thought


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attention of (B, N, C) to (B, M, C), the channels split into heads."""
    q, k, v = (t.view(*t.shape[:2], heads, -1).transpose(1, 2) for t in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def sine_positions(length: int, width: int) -> Tensor:
    """(1, length, width) fixed sine and cosine codes of places in a sequence."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)[None, :, :width]


def group(region: str, per_region: int) -> slice:
    """Where the tokens of a region stand.

    Raises:
        ConfigError: there is no such group.
    """
    if region not in TOKEN_REGIONS:
        raise ConfigError(f"region = {region!r}: use one of {', '.join(TOKEN_REGIONS)}.")
    start = TOKEN_REGIONS.index(region) * per_region
    return slice(start, start + per_region)


def splice(tokens: Tensor, others: Mapping[str, Tensor]) -> Tensor:
    """Take whole groups of tokens from other looks.

    Args:
        tokens: (B, count, D) of the look that stays elsewhere.
        others: region of `TOKEN_REGIONS` -> (B or 1, count, D) tokens of the look it comes from.

    Returns:
        (B, count, D); splicing a look's own tokens changes nothing.
    """
    return blend(tokens, {region: (other, 1.0) for region, other in others.items()})


def blend(tokens: Tensor, others: Mapping[str, tuple[Tensor, float]]) -> Tensor:
    """Move groups of tokens towards other looks: region -> (tokens, strength).

    Strength 0 leaves a group as it is, 1 replaces it, beyond 1 exaggerates.
    """
    result = tokens.clone()
    per_region = tokens.shape[1] // len(TOKEN_REGIONS)
    for region, (other, strength) in others.items():
        part = group(region, per_region)
        end = other[:, part].expand_as(tokens[:, part])
        result[:, part] = torch.lerp(tokens[:, part], end, strength)
    return result


def group_masks(regions: Tensor) -> Tensor:
    """Weights of the atlas regions added up to groups of tokens.

    Args:
        regions: (R, A, A) or (B, R, A, A), in the order of `tryon.types.REGIONS`.

    Returns:
        (4, A, A) or (B, 4, A, A), in the order of `TOKEN_REGIONS`.
    """
    groups = [
        sum(regions[..., i, :, :] for i, r in enumerate(REGIONS) if GROUP_OF[r] == name)
        for name in TOKEN_REGIONS
    ]
    return torch.stack([torch.as_tensor(g) for g in groups], -3)
