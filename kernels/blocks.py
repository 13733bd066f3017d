"""A face texture -> the blocks of texels that the student takes; its answer in blocks -> a layer.

Only for the CPU, where a runtime spends a quarter of the student's time on such moves of memory.
What they mean is defined by tryon/models/student.py; they never look at a frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import F32, INT, fused_helper, jit, readonly, spread

FINE, COARSE = 16, 64  # values of a block of 2 x 2 and of 4 x 4 texels, four a texel
RESIDUALS = 24  # values of a block of the answer: six a texel
LEAST = 64  # pairs of texel rows that are worth waking a thread for

# Unsigned indices: Numba then has no negative ones to look for, and LLVM moves whole vectors.
U = np.uint64
FAINT = np.float32(4 / 255)  # of tryon.models.student
ZERO, HALF, ONE, MAX_GAIN = np.float32(0), np.float32(0.5), np.float32(1), np.float32(4)


def pack(
    texture: NDArray[np.float32], fine: NDArray[np.float32], coarse: NDArray[np.float32]
) -> None:
    """Lay the texels of a face out as the student takes them, around 0.

    A block's channels are its texels in reading order, each with its four values less 0.5.

    Args:
        texture: (A, A, 4) float32, sRGB RGB 0..1 + visibility 0..1; A a multiple of 4.
        fine: (A / 2, A / 2, 16) float32, written: blocks of 2 x 2 texels.
        coarse: (A / 4, A / 4, 64) float32, written: blocks of 4 x 4 texels.

    Raises:
        ValueError: wrong dtype, shape or memory layout.
    """
    side = _side(texture)
    _check("fine", fine, side // 2, FINE)
    _check("coarse", coarse, side // 4, COARSE)
    spread(side // 2, LEAST, (_pack_rows, *_rows(texture, fine, coarse)))


def unpack(
    texture: NDArray[np.float32], residuals: NDArray[np.float32], layer: NDArray[np.float32]
) -> None:
    """The layer that the student's answer stands for.

    A texel shows clamp(colour + residual), and lets through clamp(1 + residual) of the frame's own
    detail: that is its gain, and the offset is what then is missing in linear light. Residuals that
    change a texel by less than FAINT or so fade first.

    Args:
        texture: (A, A, 4) float32, what was packed.
        residuals: (A / 2, A / 2, 24) float32, blocks of 2 x 2 texels in reading order: RGB of the
            colour in sRGB, RGB of the gain.
        layer: (A, A, 6) float32, written: gain RGB in [0, 4], offset RGB in [-4, 1], linear light.

    Raises:
        ValueError: wrong dtype, shape or memory layout.
    """
    side = _side(texture)
    _check("residuals", residuals, side // 2, RESIDUALS)
    _check("layer", layer, side, 6)
    spread(side // 2, LEAST, (_unpack_rows, *_rows(texture, residuals, layer)))


def _side(texture: NDArray[np.float32]) -> int:
    side = len(texture)
    if side % 4:
        raise ValueError(f"blocks: texture is {side} texels a side; use a multiple of 4.")
    _check("texture", texture, side, 4)
    return side


def _check(name: str, array: NDArray[np.float32], side: int, channels: int) -> None:
    wanted = (side, side, channels)
    if array.dtype != np.float32 or array.shape != wanted or not array.flags.c_contiguous:
        found = f"{array.dtype} {array.shape}"
        raise ValueError(f"blocks: {name} is {found}; give contiguous float32 {wanted}.")


def _rows(*arrays: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    return tuple(array.reshape(len(array), -1) for array in arrays)


@jit(readonly(F32, 2), F32[:, ::1], F32[:, ::1], INT, INT)
def _pack_rows(texels: Any, fine: Any, coarse: Any, start: int, stop: int) -> None:
    """Pairs start..stop of texel rows; both together, so that whole lines of memory are written."""
    for pair in range(start, stop):
        one, two = texels[2 * pair], texels[2 * pair + 1]
        small, large = fine[pair], coarse[pair // 2]
        for block in range(U(texels.shape[1] // 8)):
            for k in range(8):
                small[U(16) * block + U(k)] = one[U(8) * block + U(k)] - HALF
            for k in range(8):
                small[U(16) * block + U(8 + k)] = two[U(8) * block + U(k)] - HALF
        at = U(32 * (pair % 2))
        for block in range(U(texels.shape[1] // 16)):
            for k in range(16):
                large[U(64) * block + at + U(k)] = one[U(16) * block + U(k)] - HALF
            for k in range(16):
                large[U(64) * block + at + U(16 + k)] = two[U(16) * block + U(k)] - HALF


@fused_helper
def _light(srgb: Any) -> Any:
    """Linear light of a display value, by the student's own polynomial."""
    x = (max(srgb, np.float32(0.0031)) + np.float32(0.055)) * np.float32(1 / 1.055)
    root = np.sqrt(x)
    power = root * np.float32(-0.07020282) + np.float32(0.27440681)
    power = power * root + np.float32(-0.49201532)
    power = power * root + np.float32(1.2407128)
    power = power * root + np.float32(0.04708068)
    return srgb * np.float32(1 / 12.92) if srgb <= np.float32(0.04045) else power * (x * x)


@jit(readonly(F32, 2), readonly(F32, 2), F32[:, ::1], INT, INT)
def _unpack_rows(texels: Any, residuals: Any, layer: Any, start: int, stop: int) -> None:
    """Pairs start..stop of texel rows, a row at a time as planes, on which arithmetic is fast."""
    values = 3 * (texels.shape[1] // 4)
    seen, gain = np.empty(values, np.float32), np.empty(values, np.float32)
    colour = np.empty(values, np.float32)
    for row in range(2 * start, 2 * stop):
        line, blocks, result = texels[row], residuals[row // 2], layer[row]
        at = U(12 * (row % 2))
        for block in range(U(values // 6)):
            for texel in range(2):
                for k in range(3):
                    to = U(6) * block + U(3 * texel + k)
                    seen[to] = line[U(8) * block + U(4 * texel + k)]
                    colour[to] = blocks[U(24) * block + at + U(6 * texel + k)]
                    gain[to] = blocks[U(24) * block + at + U(6 * texel + 3 + k)]
        for texel in range(U(values // 3)):
            first, second, third = U(3) * texel, U(3) * texel + U(1), U(3) * texel + U(2)
            red, green, blue = colour[first], colour[second], colour[third]
            strength = red * red + green * green + blue * blue
            share = strength / (strength + FAINT * FAINT)
            colour[first], colour[second], colour[third] = red * share, green * share, blue * share
            gain[first] *= share
            gain[second] *= share
            gain[third] *= share
        for k in range(values):
            worn = min(max(seen[k] + colour[k], ZERO), ONE)
            gain[k] = min(max(ONE + gain[k], ZERO), MAX_GAIN)
            colour[k] = _light(worn) - gain[k] * _light(seen[k])
        for texel in range(U(values // 3)):
            for k in range(3):
                result[U(6) * texel + U(k)] = gain[U(3) * texel + U(k)]
                result[U(6) * texel + U(3 + k)] = colour[U(3) * texel + U(k)]
