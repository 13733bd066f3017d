"""Blocks of texels: nothing is lost on the way in, and the way out is the student's own formula."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tryon.kernels import blocks
from tryon.kernels.colour import srgb_to_linear
from tryon.models.student import FAINT

Array = NDArray[np.float32]


def texture(side: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).random((side, side, 4), np.float32)


def packed(faces: Array) -> tuple[Array, Array]:
    side = len(faces)
    fine = np.full((side // 2, side // 2, 16), np.nan, np.float32)
    coarse = np.full((side // 4, side // 4, 64), np.nan, np.float32)
    blocks.pack(faces, fine, coarse)
    return fine, coarse


@pytest.mark.parametrize("side", [4, 36, 256])  # the last is spread over threads
def test_a_block_is_its_texels_in_reading_order(side: int) -> None:
    faces = texture(side)
    for block, result in zip((2, 4), packed(faces), strict=True):
        count = side // block
        squares = faces.reshape(count, block, count, block, 4).swapaxes(1, 2)
        np.testing.assert_array_equal(result, squares.reshape(count, count, -1) - np.float32(0.5))


@pytest.mark.parametrize("side", [4, 36, 256])
def test_the_layer_shows_the_colour_that_was_asked_for(side: int) -> None:
    random = np.random.default_rng(2)
    faces, layer = texture(side), np.full((side, side, 6), np.nan, np.float32)
    asked = random.uniform(-0.7, 0.7, (side // 2, side // 2, 2, 2, 6)).astype(np.float32)
    asked[random.random(asked.shape) < 0.2] *= 8  # beyond what gain and colour may be
    blocks.unpack(faces, asked.reshape(side // 2, side // 2, 24), layer)

    texels = asked.transpose(0, 2, 1, 3, 4).reshape(side, side, 6)
    strength = np.square(texels[..., :3]).sum(-1, keepdims=True)
    texels = texels * strength / (strength + FAINT**2)
    seen = faces[..., :3]
    gain = np.clip(1 + texels[..., 3:], 0, 4)
    worn = srgb_to_linear(np.clip(seen + texels[..., :3], 0, 1))
    np.testing.assert_allclose(layer[..., :3], gain, atol=1e-6)
    # The student's polynomial is within 0.005 of a level of the exact curve.
    offset = worn - gain * srgb_to_linear(seen)
    np.testing.assert_allclose(layer[..., 3:], offset, atol=1e-4)


def test_a_doubt_fades_and_makeup_stays() -> None:
    assert blocks.FAINT == np.float32(FAINT)
    faces = np.full((16, 16, 4), 0.5, np.float32)
    shown = []
    for level in (1.0, 50.0):
        layer = np.empty((16, 16, 6), np.float32)
        asked = np.zeros((8, 8, 4, 6), np.float32)
        asked[..., :3] = level / 255
        blocks.unpack(faces, asked.reshape(8, 8, 24), layer)
        linear = float(layer[0, 0, 0] * srgb_to_linear(faces[:1, :1, :1])[0, 0, 0] + layer[0, 0, 3])
        shown.append((linear / 1.0, level))
    before = float(srgb_to_linear(faces[:1, :1, :1])[0, 0, 0])
    whole = [float(srgb_to_linear(np.float32([0.5 + v / 255]))[0]) - before for _, v in shown]
    parts = [(linear - before) / full for (linear, _), full in zip(shown, whole, strict=True)]
    assert parts[0] < 0.2
    assert parts[1] > 0.99


def test_no_residual_is_the_identity() -> None:
    faces, layer = texture(16), np.empty((16, 16, 6), np.float32)
    blocks.unpack(faces, np.zeros((8, 8, 24), np.float32), layer)
    np.testing.assert_array_equal(layer[..., :3], 1)
    np.testing.assert_allclose(layer[..., 3:], 0, atol=1e-7)


def test_wrong_arrays_are_refused() -> None:
    faces = texture(16)
    fine, coarse = packed(faces)
    layer, residuals = np.empty((16, 16, 6), np.float32), np.zeros((8, 8, 24), np.float32)
    for wrong in (
        (faces[:15, :15], fine, coarse),
        (faces.astype(np.float64), fine, coarse),
        (faces[:, ::-1], fine, coarse),
        (faces, coarse, fine),
        (faces, fine[:7], coarse),
    ):
        with pytest.raises(ValueError, match="blocks: "):
            blocks.pack(*wrong)
    for wrong in ((faces, residuals[:7], layer), (faces, residuals, layer[..., :3])):
        with pytest.raises(ValueError, match="blocks: "):
            blocks.unpack(*wrong)
