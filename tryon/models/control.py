"""ControlNet Union: several pictures of the same face tell one denoiser what it must keep.

A small transformer weighs the pictures against each other and against the noise. All that it adds
is zero at the start, so an untrained one changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import ConfigError
from tryon.models.tokens import attend


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """How the conditions enter."""

    modes: tuple[tuple[str, int], ...]  # name and channels of each condition, in order
    fold: int  # texels a side that become channels before the first convolution
    widths: tuple[int, ...]  # of the embedding convolutions; each after the first halves the side
    heads: int = 8  # of the fusion transformer

    def __post_init__(self) -> None:
        object.__setattr__(self, "modes", tuple((str(n), int(c)) for n, c in self.modes))
        object.__setattr__(self, "widths", tuple(self.widths))
        if not self.modes or not self.widths:
            raise ConfigError("control: give at least one mode and one width.")

    @property
    def stride(self) -> int:
        """Side of a condition over side of the latents."""
        return int(self.fold * 2 ** (len(self.widths) - 1))


class _Embedding(nn.Module):
    """A condition picture -> features at the latents' size; zero at the start."""

    def __init__(self, config: ControlConfig, channels: int, outputs: int) -> None:
        super().__init__()
        self.fold = config.fold
        first, *rest = config.widths
        layers: list[nn.Module] = [nn.Conv2d(channels * config.fold**2, first, 3, 1, 1), nn.SiLU()]
        for before, after in zip(config.widths, rest, strict=False):
            layers += [nn.Conv2d(before, before, 3, 1, 1), nn.SiLU()]
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.out = _zero(nn.Conv2d(config.widths[-1], outputs, 3, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        folded = F.pixel_unshuffle(picture, self.fold) if self.fold > 1 else picture
        features: Tensor = self.out(self.layers(folded))
        return features


class _Fusion(nn.Module):
    """One round of self-attention over a token for each condition and one for the noise."""

    def __init__(self, modes: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = next(h for h in range(min(heads, width), 0, -1) if width % h == 0)
        self.tasks = nn.Parameter(torch.randn(modes, width) * width**0.5)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        )
        self.out = _zero(nn.Linear(width, width))

    def forward(self, means: Tensor) -> Tensor:
        """(B, modes + 1, C) spatial means, the noise's last -> (B, modes, C) channel biases."""
        tasks = torch.cat((self.tasks, torch.zeros_like(self.tasks[:1])))
        x = means + tasks
        q, k, v = self.qkv(self.norm_1(x)).chunk(3, -1)
        x = x + self.mix(attend(q, k, v, self.heads))
        x = x + self.think(self.norm_2(x))
        biases: Tensor = self.out(x[:, :-1])
        return biases


class ControlUnion(nn.Module):
    """Conditions -> what is added to the denoiser's skip connections."""

    def __init__(self, config: ControlConfig, net: Any) -> None:
        """Make a union.

        Args:
            config: its conditions.
            net: diffusers' ControlNet, of `tryon.models.backbone.new_control`.
        """
        super().__init__()
        width = net.conv_in.out_channels
        self.config, self.net = config, net
        self.muted: frozenset[str] = frozenset()  # conditions not listened to, for an ablation
        self.embeddings = nn.ModuleDict(
            {name: _Embedding(config, channels, width) for name, channels in config.modes}
        )
        self.fusion = _Fusion(len(config.modes), width, config.heads)

    def forward(
        self, noisy: Tensor, time: Tensor, text: Tensor, conditions: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Look at the conditions.

        Args:
            noisy: (B, C, s, s) latents.
            time: (B,) steps of the noise schedule.
            text: (B, P, D) the empty prompt, always.
            conditions: (B, c, S, S) in 0..1 for each mode, in the order of the configuration.

        Returns:
            What to add to the skip connections, and to the middle block.

        Raises:
            ConfigError: a condition is missing, or not of its mode's channels.
        """
        if [c.shape[1] for c in conditions] != [channels for _, channels in self.config.modes]:
            wanted = ", ".join(f"{name} ({channels})" for name, channels in self.config.modes)
            raise ConfigError(f"This model's conditions are, with their channels: {wanted}.")
        embedded = [
            self.embeddings[name](condition) * (name not in self.muted)
            for (name, _), condition in zip(self.config.modes, conditions, strict=True)
        ]
        entered = self.net.conv_in(noisy)
        means = torch.stack([f.mean((2, 3)) for f in (*embedded, entered)], 1)
        biases = self.fusion(means)
        added = sum(embedded) + biases.sum(1)[:, :, None, None]
        down, middle = self.net(noisy, time, text, controlnet_cond=added, return_dict=False)
        return tuple(down), middle


Module = nn.Conv2d | nn.Linear


def _zero(layer: Module) -> Module:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
