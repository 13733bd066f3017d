"""Compiled loop of `composite`.

It turns picture, layer and masks into the painted picture; it never checks its arguments (cpu.py
does) and never writes a pixel that the layer leaves alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .colour import BUCKETS
from .compiled import F32, INT, U8, fused_helper, helper, jit, readonly


@fused_helper
def _mix(a: float, b: float, share: float) -> float:
    # Equal ends give exactly that value: an identity stays one.
    return a + share * (b - a)


@helper
def _sample(a: Any, b: Any, c: Any, d: Any, fu: float, fv: float) -> Any:
    """The six numbers of the map between four texels."""
    return (
        _mix(_mix(a[0], b[0], fu), _mix(c[0], d[0], fu), fv),
        _mix(_mix(a[1], b[1], fu), _mix(c[1], d[1], fu), fv),
        _mix(_mix(a[2], b[2], fu), _mix(c[2], d[2], fu), fv),
        _mix(_mix(a[3], b[3], fu), _mix(c[3], d[3], fu), fv),
        _mix(_mix(a[4], b[4], fu), _mix(c[4], d[4], fu), fv),
        _mix(_mix(a[5], b[5], fu), _mix(c[5], d[5], fu), fv),
    )


@fused_helper
def _painted(
    level: int, gain: float, offset: float, cover: float, lights: Any, borders: Any, levels: Any
) -> Any:
    """One channel of one pixel, level in and level out."""
    light = lights[level]
    new = light + cover * (gain * light + offset - light)
    new = min(max(new, np.float32(0)), np.float32(1))
    guess = levels[np.uint64(new * np.float32(BUCKETS))]
    return guess + (new >= borders[guess + np.uint8(1)])


@jit(
    *(U8[:, :, :], readonly(F32, 3), INT, INT, readonly(F32, 4), readonly(F32, 2)),
    *(readonly(F32, 2), readonly(F32, 1), readonly(F32, 1), readonly(U8, 1), INT, INT),
)
def composite_rows(
    image: Any, texels: Any, x0: int, y0: int, sheets: Any, lips: Any, cover: Any,
    lights: Any, borders: Any, levels: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """Paint rows start..stop of the box."""
    zero, one = np.float32(0), np.float32(1)
    edge = np.float32(sheets.shape[1] - 1)
    # Unsigned indices: Numba then has no negative ones to look for, a sixth of the time here.
    last, step = np.uint64(sheets.shape[1] - 1), np.uint64(1)
    for row in range(max(start, -y0), min(stop, image.shape[0] - y0)):
        line, shares, mouths, spots = image[y0 + row], cover[row], lips[row], texels[row]
        for column in range(max(0, -x0), min(texels.shape[1], image.shape[1] - x0)):
            here = np.uint64(column)
            share, lip = shares[here], mouths[here]
            u, v = spots[here, 0], spots[here, 1]
            if not (share > zero and u >= zero and v >= zero):
                continue
            u = min(max(u - np.float32(0.5), zero), edge)
            v = min(max(v - np.float32(0.5), zero), edge)
            left, top = np.uint64(u), np.uint64(v)
            right, bottom = min(left + step, last), min(top + step, last)
            fu, fv = u - np.float32(left), v - np.float32(top)
            sheet = sheets[1 if lip >= one else 0]
            upper, lower = sheet[top], sheet[bottom]
            m = _sample(upper[left], upper[right], lower[left], lower[right], fu, fv)
            if lip > zero and lip < one:
                upper, lower = sheets[1, top], sheets[1, bottom]
                n = _sample(upper[left], upper[right], lower[left], lower[right], fu, fv)
                m = (
                    _mix(m[0], n[0], lip), _mix(m[1], n[1], lip), _mix(m[2], n[2], lip),
                    _mix(m[3], n[3], lip), _mix(m[4], n[4], lip), _mix(m[5], n[5], lip),
                )  # fmt: skip
            if m == (one, one, one, zero, zero, zero):
                continue
            finite = True
            for k in range(6):
                finite &= math.isfinite(m[k])
            if not finite:
                continue
            pixel = line[np.uint64(x0 + column)]
            for k in range(3):
                pixel[k] = _painted(pixel[k], m[k], m[3 + k], share, lights, borders, levels)
