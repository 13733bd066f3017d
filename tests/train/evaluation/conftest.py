"""What the tests of the evaluation share: one session for stills, and plain people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.substrate import skin_tone
from tryon.train.evaluation.wearing import Dresser
from tryon.train.faces import FaceCache

PEOPLE, SIZE = 15, 256


@pytest.fixture(scope="session")
def dresser() -> Iterator[Dresser]:
    """The real path, loaded once."""
    with Dresser(threads=1) as opened:
        yield opened


@pytest.fixture(scope="session")
def cache():
    """People of one colour each, from light to dark, five in each split."""
    inside = brush_fields(SIZE).inside
    tones = torch.tensor([230.0, 180, 155]) * torch.linspace(0.3, 1.0, PEOPLE)[:, None]
    colour = (tones[:, :, None, None] * inside).round()
    seen = (255 * inside).expand(PEOPLE, -1, -1, -1)
    return FaceCache(
        texture=torch.cat([colour, seen], 1).to(torch.uint8),
        skin=seen.to(torch.uint8),
        ita=skin_tone(to_linear(tones / 255)),
        made_up=torch.zeros(PEOPLE, dtype=torch.bool),
        names=tuple(f"{i}.png" for i in range(PEOPLE)),
        splits=tuple(("train", "val", "test")[i % 3] for i in range(PEOPLE)),
    )
