"""Contrastive losses: vectors that belong together are pulled together, all others apart.

Pure functions of tensors of length 1; nothing here knows a network or a picture.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.07


def views_loss(first: Tensor, second: Tensor, style: Tensor | None = None) -> Tensor:
    """NT-Xent (Chen et al. 2020): of all 2B vectors, each finds its own other view.

    Args:
        first: (B, E) one view of each picture.
        second: (B, E) another view.
        style: (B,) what is worn, if it is known: other pictures of the same are not told apart.
    """
    both = torch.cat((first, second))
    count = len(first)
    itself = torch.arange(2 * count, device=both.device)
    partner = itself.roll(count)
    left_out = torch.eye(2 * count, dtype=torch.bool, device=both.device)
    if style is not None:
        twice = style.repeat(2)
        left_out = twice[:, None] == twice
        left_out[itself, partner] = False
    logits = (both @ both.T / TEMPERATURE).masked_fill(left_out, -1e4)
    return F.cross_entropy(logits, partner)


def match_loss(anchors: Tensor, others: Tensor, belong: Tensor) -> Tensor:
    """Supervised contrastive (Khosla et al. 2020) from one set of vectors to another.

    Args:
        anchors: (N, E).
        others: (M, E) everything an anchor is compared with.
        belong: (N, M) bool, which belong together; anchors without any are left out.

    Returns:
        The mean over anchors of the mean negative log-likelihood of those that belong to it.
    """
    chances = F.log_softmax(anchors @ others.T / TEMPERATURE, 1)
    count = belong.sum(1)
    each = -(chances * belong).sum(1) / count.clamp_min(1)
    return (each * (count > 0)).sum() / (count > 0).sum().clamp_min(1)


def style_loss(vectors: Tensor, style: Tensor) -> Tensor:
    """Pictures of one style belong together; none is compared with itself."""
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logits = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -1e4)
    belong = (style[:, None] == style) & ~itself
    chances, count = F.log_softmax(logits, 1), belong.sum(1)
    each = -(chances * belong).sum(1) / count.clamp_min(1)
    return (each * (count > 0)).sum() / (count > 0).sum().clamp_min(1)
