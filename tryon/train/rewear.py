"""From the makeup a source already wears to the one it shall wear: the exact layer between them.

People try makeup on over their own. What a reference wears replaces its like, what it leaves bare
stays; asked for removal, everything comes off.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tryon.cosmetics.pigment import Affine

MOST_GAIN = 2.5
"""What opaque paint hid does not come back: more gain would bring up the noise on it."""


def between(linear: Tensor, before: Affine, after: Affine) -> Tensor:
    """The layer that turns a face wearing one makeup into the same face wearing another.

    Args:
        linear: (B, 3, A, A) the bare face, linear light.
        before: what it wears.
        after: what it shall wear.

    Returns:
        (B, 6, A, A) gain, at most MOST_GAIN, and offset. The colour is exact.
    """
    gain = (after.gain / before.gain.clamp_min(1e-3)).clamp_max(MOST_GAIN)
    offset = after(linear).clamp(0, 1) - gain * before(linear).clamp(0, 1)
    return torch.cat([gain, offset], 1)


def chosen(mask: Tensor, some: Affine, others: Affine) -> Affine:
    """`some` where mask (B, 1, 1, 1) holds, `others` elsewhere."""
    return Affine(
        torch.where(mask, some.gain, others.gain), torch.where(mask, some.offset, others.offset)
    )
