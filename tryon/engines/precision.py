"""What a CPU can do -> the precision it runs the student fastest in; whether its int8 is right.

It compiles and runs nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tryon.types import Float32

PRECISIONS = ("auto", "f32", "bf16", "int8")
VNNI = frozenset({"avx512vnni", "avxvnni"})

INT8_TOLERANCE = 0.25
"""Largest `int8_error` of a CPU that computes int8 rightly: rounding was measured at a twelfth, and
sums that overflow have little in common with the answer."""

CELL = 8  # the answer to the fixed texture is kept at one block in so many each way


def best_precision(features: Collection[str], cpu: str, quantised: bool) -> str:
    """The fastest precision that this CPU is known to compute rightly.

    Matrix units (AMX) are best fed with bfloat16. Elsewhere int8 takes half as long, but only where
    products are added up in 32 bits (VNNI): plain AVX2 adds them in 16, and clips. bfloat16 without
    matrix units pays on AMD's cores (1.7x over float32); on Intel's it was slower than float32.

    Args:
        features: of the CPU, as LLVM names them.
        cpu: its maker and model.
        quantised: whether there is an int8 graph.

    Returns:
        "bf16", "int8" or "f32".
    """
    if "amx-bf16" in features:
        return "bf16"
    if quantised and not VNNI.isdisjoint(features):
        return "int8"
    return "bf16" if "avx512bf16" in features and "AMD" in cpu else "f32"


def fixed_texture(side: int) -> Float32:
    """(A, A, 4) float32 texture that the int8 graph is tried on: flat areas, edges and grain."""
    random = np.random.default_rng(0)
    squares = random.uniform(0.05, 0.95, (16, 16, 4)).repeat(side // 16, 0).repeat(side // 16, 1)
    texture: Float32 = np.clip(squares + 0.02 * random.standard_normal(squares.shape), 0.0, 1.0)
    return texture.astype(np.float32)


def kept(residuals: Float32) -> Float32:
    """What is kept of an answer (A / 2, A / 2, 24) to the fixed texture."""
    return residuals[CELL // 2 :: CELL, CELL // 2 :: CELL]


def int8_error(answer: Float32, wanted: Float32) -> float:
    """How wrong an int8 answer is, as a share of the answer: 0 is exact.

    Args:
        answer: `kept` of this CPU's.
        wanted: `kept` of the float32 graph's, from the day it was exported.
    """
    exact = wanted.astype(np.float64)
    return float(np.abs(answer - exact).sum() / max(np.abs(exact).sum(), 1e-9))
