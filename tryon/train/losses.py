"""Losses of the student: how wrong a predicted layer looks, where it matters and is visible.

Everything is a pure function of tensors; nothing here knows a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.cosmetics.pigment import to_linear
from tryon.errors import ConfigError
from tryon.train.pairs import PairBatch
from tryon.types import REGIONS

SHADE = 0.03
"""Errors of a mean colour below it count by their square: five levels of 255 or so are seen."""
LINE, LINE_WIDTH = 0.06, 9.0 / 256.0
"""A change that differs so much from the mean of so wide a square around it is a line."""


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the loss terms; colour error has weight 1."""

    softness: float = 0.1  # errors below it count by their square; see `_huber`
    layer: float = 0.3  # error of the layer's gain, times light
    gradient: float = 0.7  # difference of neighbours on brows, eyes and lips
    tone: float = 1.0  # error of the mean colour of lips, eyes and cheeks
    background: float = 0.3  # weight of texels outside the made-up area, of 1 inside
    eyes: float = 5.0  # extra weight of the eye region
    lips: float = 10.0  # extra weight of the lips
    lines: float = 8.0  # extra weight of thin and sharp makeup there and on brows; see `_lines`

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0.0 <= getattr(self, name) <= 100.0:
                raise ConfigError(f"{name} = {getattr(self, name)}: use a number in 0..100.")


@dataclass(frozen=True, slots=True, eq=False)
class LossTerms:
    """One batch's loss and its parts, all scalars."""

    total: Tensor
    colour: Tensor
    layer: Tensor
    gradient: Tensor
    tone: Tensor


class _ToSrgb(torch.autograd.Function):
    """sRGB encoding whose backward pass reuses the forward's power: half the cost of a step.

    Outside 0..1 the gradient is that of the nearest end, not zero, so a layer that overshoots
    is pulled back.
    """

    @staticmethod
    def forward(ctx: Any, linear: Tensor) -> Tensor:
        x = linear.clamp(0.0031308, 1.0)
        power = x.pow(1 / 2.4).mul_(1.055)
        ctx.save_for_backward(x, power)
        dark = linear.clamp(0.0, 0.0031308).sub_(0.0031308).mul_(12.92)
        return power.sub(0.055).add_(dark)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, power = ctx.saved_tensors
        # At the joint, and below it, the slope of the power law is 12.7: the toe's is 12.92.
        slope: Tensor = power.div(x).mul_(1 / 2.4)
        return gradients[0] * slope


def wear(light: Tensor, affine: Tensor) -> Tensor:
    """Put a layer on linear light (B, 3, A, A); gives sRGB 0..1, differentiable in the layer."""
    worn: Tensor = _ToSrgb.apply(torch.addcmul(affine[:, 3:], affine[:, :3], light))  # type: ignore[no-untyped-call]
    return worn


def composite(source: Tensor, affine: Tensor) -> Tensor:
    """Wear a layer.

    Args:
        source: (B, 3 or 4, A, A) sRGB 0..1; further channels are ignored.
        affine: (B, 6, A, A) gain RGB + offset RGB in linear light.

    Returns:
        (B, 3, A, A) sRGB 0..1.
    """
    return wear(to_linear(source[:, :3]), affine)


def made_up(batch: PairBatch, threshold: float = 2.0 / 255.0) -> Tensor:
    """Where the target layer changes the visible picture: (B, 1, A, A) of 0 and 1."""
    change = (batch.target - batch.source[:, :3]).abs().amax(1, keepdim=True)
    return (change > threshold).float() * (batch.source[:, 3:] > 0.5).float()


def student_loss(affine: Tensor, batch: PairBatch, config: LossConfig) -> LossTerms:
    """Region-weighted loss of a predicted layer.

    Args:
        affine: (B, 6, A, A) prediction.
        batch: the pairs it was predicted for.
        config: weights of the terms.

    Returns:
        The loss and its terms, means over visible, weighted texels.
    """
    regional = 1.0 + config.eyes * _region(batch, "eyes") + config.lips * _region(batch, "lips")
    painted = made_up(batch)
    drawn = _region(batch, "eyes") + _region(batch, "lips") + _region(batch, "brows")
    regional = regional * (1.0 + config.lines * drawn * _lines(batch) * painted)
    weight = batch.source[:, 3:] * regional * (painted + config.background * (1.0 - painted))
    weight = weight / weight.mean().clamp(min=1e-6)
    light = to_linear(batch.source[:, :3])

    error = wear(light, affine) - batch.target
    colour = (weight * _huber(error, config.softness)).mean()

    # A gain matters as much as the light it multiplies; the floor keeps dark skin and lashes
    # from being told nothing about their layer. The offset follows from colour and gain.
    gain = (affine - batch.affine)[:, :3] * light.clamp(min=0.05)
    layer = (weight * _huber(gain, config.softness)).mean()

    gradient = _edges(error, weight * drawn, config.softness)

    tone = torch.stack([_tone(error, batch, name) for name in ("lips", "eyes", "cheeks")]).mean()
    total = colour + config.layer * layer + config.gradient * gradient + config.tone * tone
    return LossTerms(total, colour, layer, gradient, tone)


def _region(batch: PairBatch, name: str) -> Tensor:
    return batch.regions[REGIONS.index(name)]


def _lines(batch: PairBatch) -> Tensor:
    """How much of a line each texel of the exact change is, (B, 1, A, A) in 0..1.

    A wing covers so few texels that leaving it out costs next to nothing, and a reference that is
    blurred or turned leaves it in doubt: unweighted, a fifth of it is painted. Only what is there
    to be painted weighs more, so that doubt is settled in its favour.
    """
    change = batch.target - batch.source[:, :3]
    side = max(3, int(LINE_WIDTH * change.shape[-1]) | 1)
    around = F.avg_pool2d(change, side, 1, side // 2, count_include_pad=False)
    return ((change - around).abs().amax(1, keepdim=True) / LINE).clamp(max=1.0)


def _tone(error: Tensor, batch: PairBatch, name: str) -> Tensor:
    """Error of a region's mean colour, which the eye sees before any texel's.

    Texel by texel a hedge between two shades costs little; over a region it is the whole error.
    """
    weight = batch.source[:, 3:] * _region(batch, name)
    mean = (error * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1.0)
    return _huber(mean, SHADE).mean()


def _edges(error: Tensor, weight: Tensor, softness: float) -> Tensor:
    """Weighted difference of neighbouring texels' errors: wrong edges, not wrong tones."""
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return (weight[..., 1:] * _huber(across, softness)).mean() + (
        weight[..., 1:, :] * _huber(down, softness)
    ).mean()


def _huber(error: Tensor, softness: float) -> Tensor:
    """Pseudo-Huber (Charbonnier et al. 1994): squares small errors, absolute large ones.

    The plain absolute error has the *median* as its optimum, and the median makeup of a texel is
    none: trained with it, the network settles on painting nothing and never leaves.
    """
    return (error.square() + softness**2).sqrt() - softness
