"""Decoupled cross-attention: a denoiser's layers look at text and, beside it, at makeup tokens.

It replaces what runs inside existing attention layers and can record where each region's tokens
are looked at; it never builds a denoiser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from tryon.models.tokens import TOKEN_REGIONS, attend


class LowRank(nn.Module):
    """A low-rank correction of a linear layer (LoRA, Hu et al. 2021); zero at the start."""

    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float) -> None:
        super().__init__()
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs, bias=False)
        nn.init.normal_(self.down.weight, std=1.0 / rank)
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        """The correction for (..., inputs)."""
        correction: Tensor = self.up(self.down(x)) * self.scale
        return correction


class MakeupAttention(nn.Module):
    """What a cross-attention layer of diffusers runs: text and makeup with the same queries.

    The context is text, then `tokens` makeup tokens, along the sequence; so nothing else of the
    denoiser has to know of makeup.
    """

    def __init__(self, layer: Any, tokens: int, rank: int = 0, alpha: float = 16.0) -> None:
        """Make it for one layer.

        Args:
            layer: diffusers' Attention; its key and value weights are where the makeup's start.
            tokens: makeup tokens at the end of the context.
            rank: of the corrections of the layer's own projections; 0 for none.
            alpha: strength of the corrections.
        """
        super().__init__()
        self.tokens = tokens
        self.strength = 1.0
        width, inner = layer.to_k.in_features, layer.to_k.out_features
        self.to_k, self.to_v = (nn.Linear(width, inner, bias=False) for _ in range(2))
        with torch.no_grad():
            self.to_k.weight.copy_(layer.to_k.weight)
            self.to_v.weight.copy_(layer.to_v.weight)
        shapes = {"q": layer.to_q, "k": layer.to_k, "v": layer.to_v, "out": layer.to_out[0]}
        self.corrections = nn.ModuleDict(
            {n: LowRank(p.in_features, p.out_features, rank, alpha) for n, p in shapes.items()}
            if rank
            else {}
        )
        self.record = False
        self.recorded: Tensor | None = None

    def forward(
        self,
        layer: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attend: (B, N, C) looks at (B, text + tokens, D); the names are diffusers'."""
        text = encoder_hidden_states[:, : -self.tokens]
        makeup = encoder_hidden_states[:, -self.tokens :]
        query = self._project(layer.to_q, "q", hidden_states)
        key, value = self.to_k(makeup), self.to_v(makeup)
        text_key, text_value = (
            self._project(projection, name, text)
            for projection, name in ((layer.to_k, "k"), (layer.to_v, "v"))
        )
        seen = attend(query, text_key, text_value, layer.heads)
        if self.strength:
            seen = seen + self.strength * attend(query, key, value, layer.heads)
        if self.record:
            self.recorded = _region_logits(query, key, layer.heads)
        result: Tensor = layer.to_out[1](self._project(layer.to_out[0], "out", seen))
        return result

    def _project(self, projection: nn.Module, name: str, x: Tensor) -> Tensor:
        result: Tensor = projection(x)
        return result + self.corrections[name](x) if name in self.corrections else result


def _region_logits(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """(B, 4, N) logits averaged over heads and over the tokens of each region.

    A mean of products with the same query is the product with the mean: no map of every token
    and head is ever made.
    """
    keys = key.view(len(key), len(TOKEN_REGIONS), -1, key.shape[-1]).mean(2)
    width = query.shape[-1] // heads
    logits: Tensor = (keys @ query.transpose(1, 2)).float() / (heads * width**0.5)
    return logits


def install(denoiser: Any, tokens: int, rank: int = 0, alpha: float = 16.0) -> None:
    """Give every cross-attention layer of a diffusers UNet its `MakeupAttention`."""
    processors = dict(denoiser.attn_processors)
    for name in processors:
        layer = denoiser.get_submodule(name.removesuffix(".processor"))
        if name.endswith("attn2.processor"):
            processors[name] = MakeupAttention(layer, tokens, rank, alpha)
    denoiser.set_attn_processor(processors)


def makeup_layers(denoiser: nn.Module) -> list[MakeupAttention]:
    """The installed layers, in the denoiser's order."""
    return [m for m in denoiser.modules() if isinstance(m, MakeupAttention)]


@contextmanager
def recording(denoiser: nn.Module) -> Iterator[None]:
    """Record attention inside the `with`; read it there with `attention_maps`."""
    layers = makeup_layers(denoiser)
    for layer in layers:
        layer.record = True
    try:
        yield
    finally:
        for layer in layers:
            layer.record, layer.recorded = False, None


def attention_maps(denoiser: nn.Module, finest: int = 2) -> Mapping[int, Tensor]:
    """What was recorded last.

    Args:
        denoiser: inside `recording`, after a forward pass.
        finest: keep so many of the finest sizes.

    Returns:
        Side of the map -> (B, 4, side, side) logits, the mean over layers of that size.
    """
    found: dict[int, list[Tensor]] = {}
    for layer in makeup_layers(denoiser):
        if layer.recorded is not None:
            side = isqrt(layer.recorded.shape[-1])
            found.setdefault(side, []).append(
                layer.recorded.view(*layer.recorded.shape[:2], side, side)
            )
    sides = sorted(found, reverse=True)[:finest]
    return {side: torch.stack(found[side]).mean(0) for side in sides}
