"""The .cu files without a GPU: they compile for every architecture we name, and load lazily."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import nvrtc
from tests.kernels.cpp_device import signatures
from tryon.kernels import cuda, cuda_launch

# Turing, Ampere (data centre, GeForce), Ada, Hopper.
ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90")

# What CuPy adds to the options it is given.
OPTIONS = (*cuda.OPTIONS, "-ftz=true", "--device-as-default-execution-space")

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="no CUDA compiler: pip install nvidia-cuda-nvrtc"
)


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles(architecture: str) -> None:
    code, messages = nvrtc.compile_cuda(cuda.source(), architecture, OPTIONS)
    assert code, messages
    assert messages == ""  # no warning either
    for kernel in signatures():
        assert kernel.encode() in code


@needs_nvrtc
def test_an_error_names_the_file_and_line() -> None:
    broken = cuda.source().replace("float map[6];", "float map[six];")
    code, messages = nvrtc.compile_cuda(broken, "sm_90", OPTIONS)
    text = (Path(cuda.__file__).parent / "composite.cu").read_text().splitlines()
    line = next(n for n, content in enumerate(text, 1) if "float map[6];" in content)
    assert not code
    assert f"composite.cu({line}): error" in messages


def test_every_file_is_compiled() -> None:
    folder = Path(cuda.__file__).parent
    assert {path.name for path in folder.glob("*.cu")} == set(cuda.SOURCES)


def test_numbers_known_to_both_sides_are_equal() -> None:
    assert f"sizeof(Triangle) == {cuda_launch.TRIANGLE_BYTES}" in cuda.source()
    assert f"#define SUBSCANLINES {cuda_launch.SUBSCANLINES}" in cuda.source()


def test_importing_the_module_loads_no_cupy() -> None:
    program = (
        "import sys, tryon.kernels.cuda, tryon.kernels.cuda_check; sys.exit('cupy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(cuda.why_not() is None, reason="a GPU is at hand")
def test_without_a_gpu_the_remedy_is_told() -> None:
    reason = cuda.why_not()
    assert "pip install" in reason or "driver" in reason or "CUDA_VISIBLE_DEVICES" in reason
    with pytest.raises(RuntimeError, match=r"pip install|driver|CUDA_VISIBLE_DEVICES"):
        cuda.CudaDevice()
