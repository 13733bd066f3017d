"""Losses of the teacher: how wrong the denoising is, where it matters, and where attention looks.

Pure functions of tensors; nothing here knows a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.errors import ConfigError

MapLoss = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, R, h, w), masks of 0 and 1 (B, R, h, w)) -> (B, R), 0 or more."""


LEAST_NOISE = 0.2
"""Noise (sigma, of 1) below which errors of a clean prediction weigh no more: 25 times at most."""


def velocity_weight(prediction: str, signal: Tensor) -> Tensor:
    """What makes squared errors of clean predictions those of a velocity; others weigh 1.

    The velocity that a clean prediction x stands for is (alpha noisy - x) / sigma. So what is
    left to be said when little noise is left counts as much as all the rest.

    Args:
        prediction: of `tryon.models.teacher.PREDICTIONS`.
        signal: (B,) alpha squared, the share of the clean latents' variance, 0..1.

    Returns:
        (B,) 1 or more.
    """
    if prediction != "sample":
        return torch.ones_like(signal)
    return 1 / (1 - signal).clamp_min(LEAST_NOISE**2)


def diffusion_loss(
    predicted: Tensor, wanted: Tensor, face: Tensor, expression: Tensor, weight: Tensor
) -> Tensor:
    """Squared error: half over everything, a quarter over the face, a quarter where it moves.

    Args:
        predicted: (B, C, s, s) noise, velocity or clean latents.
        wanted: what it should be.
        face: (B or 1, 1, s, s) 0..1.
        expression: (B or 1, 1, s, s) 0..1: brows, eyes, lips.
        weight: (B,) of the pairs, see `velocity_weight`.
    """
    error = (predicted.float() - wanted).square().mean(1, keepdim=True)
    error = error * weight[:, None, None, None]
    inside = [(error * m).mean() / m.mean().clamp_min(1e-6) for m in (face, expression)]
    return 0.5 * (error.mean() + 0.5 * (inside[0] + inside[1]))


def focal_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """FRAM's: sigmoid focal loss (alpha 0.25, gamma 2), plus Dice smoothed by 1."""
    chance = torch.sigmoid(logits)
    right = chance * masks + (1 - chance) * (1 - masks)
    share = 0.25 * masks + 0.75 * (1 - masks)
    plain = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    focal = (share * (1 - right).square() * plain).mean((2, 3))
    both, either = (chance * masks).sum((2, 3)), (chance + masks).sum((2, 3))
    return focal + 1 - (2 * both + 1) / (either + 1)


def focus_cover(logits: Tensor, masks: Tensor) -> Tensor:
    """RegionRoute's: stay inside (divergence of the normalised map), fill it (cross-entropy)."""
    flat = masks.flatten(2)
    wanted = flat / flat.sum(-1, keepdim=True).clamp_min(1)
    found = F.log_softmax(logits.flatten(2), -1)
    focus = (torch.xlogy(wanted, wanted) - wanted * found).sum(-1)
    cover = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean((2, 3))
    return 0.1 * focus + 0.2 * cover


def mask_mse(logits: Tensor, masks: Tensor) -> Tensor:
    """StoryMaker's: squared difference of masks and probabilities; regions and nothing compete."""
    nothing = torch.zeros_like(logits[:, :1])
    chance = torch.softmax(torch.cat((logits, nothing), 1), 1)[:, :-1]
    return (chance - masks).square().mean((2, 3))


def no_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Nothing is asked of attention, for an ablation."""
    return 0 * logits.mean((2, 3))


ATTENTION_LOSSES: Mapping[str, MapLoss] = {
    "focal": focal_dice,
    "focus": focus_cover,
    "mse": mask_mse,
    "none": no_loss,
}


def attention_loss(
    maps: Mapping[int, Tensor], masks: Tensor, kind: str, keep: Tensor | None = None
) -> Tensor:
    """How far each region's tokens look from their region.

    Args:
        maps: side -> (B, R, side, side) logits.
        masks: (R, S, S) or (B, R, S, S) 0..1.
        kind: of `ATTENTION_LOSSES`.
        keep: (B,) 0 for pairs whose makeup was dropped: their tokens tell of no region.

    Returns:
        The mean over sizes, regions and kept pairs.

    Raises:
        ConfigError: there is no such loss.
    """
    if kind not in ATTENTION_LOSSES:
        raise ConfigError(f"attention = {kind!r}: use one of {', '.join(ATTENTION_LOSSES)}.")
    if not maps:
        return masks.new_zeros(())
    losses = []
    for side, logits in maps.items():
        each = masks if masks.ndim == 4 else masks[None]
        small = (F.interpolate(each, (side, side), mode="nearest-exact") > 0.5).to(logits.dtype)
        losses.append(ATTENTION_LOSSES[kind](logits.float(), small.expand_as(logits)).mean(1))
    loss = torch.stack(losses).mean(0)
    if keep is None:
        return loss.mean()
    return (loss * keep).sum() / keep.sum().clamp_min(1)
