"""The precision a CPU gets: the fastest that it computes rightly, and never int8 without VNNI."""

from __future__ import annotations

import pytest

from tryon.engines.precision import best_precision

AMD, INTEL = "AMD EPYC 9555", "Intel(R) Xeon(R) Gold 6338"
AVX2 = {"avx2", "fma"}


@pytest.mark.parametrize(
    ("features", "cpu", "quantised", "wanted"),
    [
        (AVX2, AMD, True, "f32"),
        (AVX2, INTEL, True, "f32"),
        (AVX2 | {"avxvnni"}, INTEL, True, "int8"),
        (AVX2 | {"avx512vnni"}, INTEL, True, "int8"),
        (AVX2 | {"avx512vnni"}, INTEL, False, "f32"),
        (AVX2 | {"avx512vnni", "avx512bf16"}, AMD, True, "int8"),
        (AVX2 | {"avx512vnni", "avx512bf16"}, AMD, False, "bf16"),
        (AVX2 | {"avx512vnni", "avx512bf16"}, INTEL, False, "f32"),  # measured: slower than f32
        (AVX2 | {"avx512vnni", "avx512bf16", "amx-bf16"}, INTEL, True, "bf16"),
        (set(), "", True, "f32"),  # not known to LLVM, or another kind of processor
    ],
)
def test_each_cpu_gets_its_fastest(
    features: set[str], cpu: str, quantised: bool, wanted: str
) -> None:
    assert best_precision(features, cpu, quantised) == wanted
