"""The driver's answers become names and numbers, and its absence a remedy."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tryon.engines.gpu import Gpu, gpu_state

# The functions of the driver we call, with the types of NVIDIA's cuda.h, for two made-up GPUs.
DRIVER = """
#include <cstdio>
#include <cstddef>
extern "C" {
int cuDriverGetVersion(int* version) { *version = 13020; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int* count) { *count = COUNT; return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal + 40; return 0; }
int cuDeviceGetName(char* name, int length, int device) {
    return std::snprintf(name, length, "Board %d", device) < 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    *value = attribute == 75 ? device - 32 : attribute == 76 ? 6 : -1;
    return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = 24ull << 30; return 0; }
}
"""


@pytest.fixture
def make_driver(tmp_path: Path):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler to make a driver with")

    def make(**values: int) -> str:
        (tmp_path / "driver.cpp").write_text(DRIVER)
        library = tmp_path / ("driver" + "".join(f"{k}{v}" for k, v in values.items()) + ".so")
        flags = [f"-D{name}={value}" for name, value in values.items()]
        command = [compiler, "-shared", "-fPIC", *flags, "-o", library, tmp_path / "driver.cpp"]
        subprocess.run([str(word) for word in command], check=True)
        return str(library)

    return make


def test_every_gpu_is_described(make_driver) -> None:
    state = gpu_state(make_driver(INIT=0, COUNT=2))
    memory = 24 * 2**30
    assert state.gpus == (Gpu("Board 40", "8.6", memory), Gpu("Board 41", "9.6", memory))
    assert state.cuda == "13.2"
    assert state.problem is None


def test_no_driver_and_no_gpu_are_told_apart(make_driver, tmp_path: Path) -> None:
    absent = gpu_state(str(tmp_path / "libnothing.so"))
    assert absent.gpus == ()
    assert "install it" in absent.problem
    for init in (0, 100):  # 100 is no device
        hidden = gpu_state(make_driver(INIT=init, COUNT=0))
        assert (hidden.gpus, hidden.cuda) == ((), "13.2")
        assert "CUDA_VISIBLE_DEVICES" in hidden.problem
    broken = gpu_state(make_driver(INIT=999, COUNT=1))
    assert broken.gpus == ()
    assert "CUDA error 999" in broken.problem
