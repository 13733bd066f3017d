"""What the fake cameras of these tests see."""

from __future__ import annotations

import pytest

from tests.conftest import parse_still
from tryon.streaming.demo_clip import DemoClip


@pytest.fixture(scope="module")
def face():
    """What the camera sees: the built-in clip's first picture."""
    return DemoClip(640, 480).frame(0).image


@pytest.fixture(scope="module")
def spots(face):
    """Named parts of that picture: where lips and lids are, and a piece of the wall."""
    points = parse_still(face).landmarks[:, :2]

    def box(*indices: int) -> tuple[slice, slice]:
        (x0, y0), (x1, y1) = points[[*indices]].min(0), points[[*indices]].max(0)
        return slice(int(y0), int(y1) + 1), slice(int(x0), int(x1) + 1)

    upper_lip, lids = box(61, 291, 0, 13), box(130, 133, 52, 159)
    return {"lips": upper_lip, "eyes": lids, "wall": (slice(0, 60), slice(0, 120))}
