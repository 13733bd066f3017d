"""NVIDIA's run-time compiler without a GPU: CUDA C++ in, machine code for one architecture out.

The library comes from the wheel `nvidia-cuda-nvrtc` (or the older -cu12, -cu13 names).
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

WHEELS = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu13", "nvidia-cuda-nvrtc-cu12")


@cache
def library() -> ctypes.CDLL | None:
    """The compiler, or None where no wheel brings it."""
    for wheel in WHEELS:
        try:
            found = files(wheel) or []
        except PackageNotFoundError:
            continue
        for file in found:
            if "nvrtc" in file.name and "builtins" not in file.name and "alt" not in file.name:
                path = Path(str(file.locate()))
                if path.suffix == ".dll" or ".so" in path.name:
                    return ctypes.CDLL(str(path))
    return None


def compile_cuda(text: str, architecture: str, options: tuple[str, ...]) -> tuple[bytes, str]:
    """Compile as a GPU of that architecture, such as sm_90, would have it.

    Returns:
        The machine code, empty if it does not compile, and the compiler's messages.
    """
    nvrtc = library()
    assert nvrtc is not None
    program = ctypes.c_void_p()
    create = (ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None)
    assert nvrtc.nvrtcCreateProgram(*create) == 0
    flags = [f"--gpu-architecture={architecture}".encode(), *(o.encode() for o in options)]
    failed = nvrtc.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
    messages = _read(nvrtc, program, "ProgramLog").decode()
    code = b"" if failed else _read(nvrtc, program, "CUBIN")
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return code, messages.strip("\0\n ")


def _read(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    assert getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
    text = ctypes.create_string_buffer(max(size.value, 1))
    assert getattr(nvrtc, f"nvrtcGet{what}")(program, text) == 0
    return text.raw[: size.value]
