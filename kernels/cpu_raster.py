"""Compiled loops of `rasterise` and `polygon_coverage`.

They turn landmarks into rows of a box; they never check their arguments (cpu.py does).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import F32, F64, INT, jit, readonly


@jit(inline=True)
def _edge(px: Any, a: int, b: int, x: float, y: float) -> float:
    # Same arithmetic as the reference: from the lower index to the higher, without rounding in f32.
    flip = 1.0
    if a > b:
        a, b, flip = b, a, -1.0
    ax, ay = F64(px[a, 0]), F64(px[a, 1])
    return flip * ((F64(px[b, 0]) - ax) * (y - ay) - (F64(px[b, 1]) - ay) * (x - ax))


@jit(inline=True)
def _columns(px: Any, a: int, b: int, sign: float, left: float, y: float, lo: int, hi: int) -> Any:
    """Narrow columns lo..hi to those on the inner side of edge a-b in the row at height y."""
    ax, ay = F64(px[a, 0]), F64(px[a, 1])
    rise = (F64(px[b, 1]) - ay) * sign
    if rise == 0.0:
        if sign * _edge(px, a, b, left, y) < 0.0:
            hi = lo - 1
        return lo, hi
    # The estimate may be off by rounding; the exact test of the reference then moves it.
    root = ax + (F64(px[b, 0]) - ax) * (y - ay) / (F64(px[b, 1]) - ay) - left
    column = INT(min(max(root, lo - 1.0), hi + 1.0))
    if rise < 0.0:
        while column > lo and sign * _edge(px, a, b, left + (column - 1), y) >= 0.0:
            column -= 1
        column = max(column, lo)
        while column <= hi and sign * _edge(px, a, b, left + column, y) < 0.0:
            column += 1
        return column, hi
    while column < hi and sign * _edge(px, a, b, left + (column + 1), y) >= 0.0:
        column += 1
    column = min(column, hi)
    while column >= lo and sign * _edge(px, a, b, left + column, y) < 0.0:
        column -= 1
    return lo, column


@jit(
    readonly(F32, 2), readonly(numba.int32, 2), readonly(F32, 2), INT, INT, F32[:, ::1],
    F32[:, :, ::1], INT, INT,
)
def rasterise_rows():
    pass
