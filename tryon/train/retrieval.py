"""Vectors of made-up people -> how well they tell makeup, and how badly they should tell people.

Vectors may come from anywhere, a colour histogram included; nothing here knows a network.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Shares in 0..1."""

    knn: float  # nearest neighbour of another person wears the same style
    recall: float  # the same makeup on another person is nearer than any other on this person
    identity: float  # nearest neighbour of another style is the same person: should be chance
    chance: float  # of `identity`
    queries: int  # of `recall`: those that have both rivals

    def to_json(self) -> dict[str, float]:
        """The figures as plain JSON values."""
        return asdict(self)


def retrieve(vectors: Tensor, style: Tensor, person: Tensor) -> Retrieval:
    """Score vectors.

    Args:
        vectors: (N, E), of any length; compared by their angle.
        style: (N,) what is worn.
        person: (N,) who wears it.
    """
    unit = F.normalize(vectors.float(), dim=1)
    near = unit @ unit.T
    same_style, same_person = (x[:, None] == x for x in (style, person))

    def nearest(allowed: Tensor) -> Tensor:
        return near.masked_fill(~allowed, -2.0).max(1).values

    others = ~same_person
    asked = (same_style & others).any(1)
    best = near.masked_fill(~others, -2.0).argmax(1)
    knn = (style[best] == style)[asked]
    rivals = ~same_style & same_person
    fair = asked & rivals.any(1)
    recall = (nearest(same_style & others) > nearest(rivals))[fair]
    different = ~same_style
    seen = (different & same_person).any(1)
    closest = near.masked_fill(~different, -2.0).argmax(1)
    leak = (person[closest] == person)[seen]
    chance = ((different & same_person).sum(1) / different.sum(1).clamp_min(1))[seen]
    return Retrieval(
        knn=_mean(knn),
        recall=_mean(recall),
        identity=_mean(leak),
        chance=_mean(chance),
        queries=int(fair.sum()),
    )


def _mean(x: Tensor) -> float:
    return float(x.float().mean()) if len(x) else float("nan")


def colour_histogram(pictures: Tensor, regions: Tensor, bins: int = 8) -> Tensor:
    """The baseline: how often each level of red, green and blue occurs in each region.

    Args:
        pictures: (B, 4, A, A) sRGB 0..1 + visibility.
        regions: (R, A, A) weights of the regions.
        bins: levels told apart.

    Returns:
        (B, R * 3 * bins), square roots, so that angles compare them as Hellinger does.
    """
    level = (pictures[:, :3] * bins).long().clamp(0, bins - 1)
    each = F.one_hot(level, bins).float()  # (B, 3, A, A, bins)
    weight = regions * pictures[:, 3:]  # (B, R, A, A)
    counts = torch.einsum("brhw,bchwn->brcn", weight, each)
    return (counts / counts.sum(-1, keepdim=True).clamp_min(1e-6)).sqrt().flatten(1)
