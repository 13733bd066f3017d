"""All twins of the kernels under one name: every behaviour test runs on each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tryon.kernels import cpu, reference
from tryon.kernels.cuda_device import Device
from tryon.kernels.cuda_kernels import CudaKernels

GPU = pytest.param("gpu", marks=pytest.mark.gpu)

Opener = Callable[[str], Device]


@pytest.fixture(scope="session")
def open_device(request: pytest.FixtureRequest) -> Opener:
    """`open_device("cpp")` or `open_device("gpu")`; skips where there is no compiler or GPU."""

    @cache
    def open_once(name: str) -> Device:
        if name == "gpu":
            from tryon.kernels.cuda import CudaDevice, why_not

            if reason := why_not():
                pytest.skip(reason)
            return CudaDevice()
        from tests.kernels.cpp_device import CppDevice

        return CppDevice(request.getfixturevalue("cpp_library"))

    return open_once


@pytest.fixture(scope="session", params=["cpp", GPU])
def device(request: pytest.FixtureRequest, open_device: Opener) -> Device:
    """Where the CUDA kernels run: compiled as C++, and on a GPU where there is one."""
    return open_device(request.param)


@pytest.fixture(scope="session")
def cuda_kernels(device: Device) -> CudaKernels:
    return CudaKernels(device)


@pytest.fixture(scope="session", params=["reference", "cpu", "cpp", GPU])
def kernels(request: pytest.FixtureRequest, open_device: Opener) -> Any:
    plain = {"reference": reference, "cpu": cpu}
    return plain.get(request.param) or CudaKernels(open_device(request.param))
