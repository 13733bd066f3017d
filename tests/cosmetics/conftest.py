"""Bare synthetic faces: one skin colour with pores, shaded like a head, with redder lips."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.cosmetics.brushes import BrushFields, brush_fields
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.substrate import Substrate, estimate_substrate

SIZE = 128
LIGHT, MEDIUM, DARK = (238, 205, 185), (190, 140, 112), (98, 64, 50)  # sRGB of skin


def bare_texture(skins: list[tuple[int, int, int]], exposure: float = 1.0) -> Tensor:
    """(B, 3, A, A) sRGB of faces with these skins, under light of this strength."""
    fields = brush_fields(SIZE)
    generator = torch.Generator().manual_seed(3)
    pores = F.interpolate(torch.randn(1, 1, 32, 32, generator=generator), (SIZE, SIZE)) * 0.04 + 1
    depth = fields.position[:, 2:]  # cm; what is nearer to the camera is lit more
    shade = 1 + 0.03 * (depth - 3)
    base = to_linear(torch.tensor(skins) / 255)[:, :, None, None]
    lips = 1 - fields.lips * torch.tensor([0.1, 0.38, 0.38])[:, None, None]
    return to_srgb(base * lips * pores * shade * exposure) * fields.inside


@pytest.fixture(scope="session")
def fields() -> BrushFields:
    return brush_fields(SIZE)


@pytest.fixture(scope="session")
def texture() -> Callable[..., Tensor]:
    return bare_texture


@pytest.fixture(scope="session")
def bare() -> Callable[..., Substrate]:
    """`bare(*skins)`: the substrate of faces with these sRGB skins."""

    def make(*skins: tuple[int, int, int], exposure: float = 1.0) -> Substrate:
        fields = brush_fields(SIZE)
        light = to_linear(bare_texture(list(skins), exposure))
        return estimate_substrate(fields.inside, fields, light)

    return make


@pytest.fixture(scope="session")
def faces(bare: Callable[..., Substrate]) -> Substrate:
    """Three faces: light, medium, dark."""
    return bare(LIGHT, MEDIUM, DARK)
