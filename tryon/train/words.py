"""Numbers of styles -> captions: what the painter would say of what it painted.

A pair names its style by number (`PairBatch.style`); nothing else is needed, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from tryon.cosmetics.captions import FORMS, caption
from tryon.cosmetics.sampler import StyleSampler


def captions_of(styles: Sequence[int], seed: int, dropout: float = 0.2) -> tuple[str, ...]:
    """Describe styles.

    Args:
        styles: numbers, as in `PairBatch.style`.
        seed: decides words, form and what is left out, also between equal styles.
        dropout: share of words left out.
    """
    known = {number: StyleSampler(number)() for number in set(styles)}
    return tuple(
        caption(known[number], seed + place, FORMS[(seed + place) % len(FORMS)], dropout)
        for place, number in enumerate(styles)
    )
