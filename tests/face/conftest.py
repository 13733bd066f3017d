"""Pictures with a real face, made from the public-domain astronaut portrait of scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

MIDDLE = (226.0, 112.0)  # px, middle of the face in the portrait
WIDTH = 96.0  # px, of the face there

Scene = Callable[..., np.ndarray]


@cache
def _scene(x: float, y: float, face: float, degrees: float, width: int, height: int) -> np.ndarray:
    import cv2
    from skimage.data import astronaut

    zoom = face / WIDTH
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, zoom)
    matrix[:, 2] += (x - MIDDLE[0], y - MIDDLE[1])
    image = cv2.warpAffine(astronaut(), matrix, (width, height), flags=cv2.INTER_LINEAR)
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def scene() -> Scene:
    """`scene(x, y, face, degrees, size)`: the portrait with its face there, `face` px wide."""

    def make(
        x: float = 640,
        y: float = 360,
        face: float = 300,
        degrees: float = 0,
        size: tuple[int, int] = (1280, 720),
    ) -> np.ndarray:
        return _scene(x, y, face, degrees, *size)

    return make


@pytest.fixture(scope="session")
def pair(scene: Scene) -> np.ndarray:
    """A 720p frame with the face twice: at the left large, at the right smaller and turned."""
    left = scene(360, 360, 260, size=(640, 720))
    right = scene(300, 330, 200, 12, size=(640, 720))
    return np.concatenate([left, right], axis=1)
