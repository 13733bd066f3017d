"""GPU, TensorRT, CuPy, the CUDA kernels, and which engine runs the student."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tryon.console import one_line
from tryon.doctor.finding import ABSENT, BROKEN, OK, Finding, absent, version_of


def gpu() -> Iterator[Finding]:
    """GPUs and their driver."""
    from tryon.engines.gpu import gpu_state

    state = gpu_state()
    if state.problem:
        yield absent("gpu", state.problem)
    for gpu in state.gpus:
        memory = f"{gpu.memory / 2**30:.0f} GiB"
        yield Finding("gpu", OK, f"{gpu.name}, compute capability {gpu.capability}, {memory}")
    if state.cuda:
        yield Finding("driver", OK, f"runs CUDA up to {state.cuda}")


def tensorrt() -> Iterator[Finding]:
    """The packages; only a build tells whether they work."""
    from tryon.engines.tensorrt_build import REMEDY, tensorrt_version

    found = tensorrt_version()
    wrapper = version_of("torch-tensorrt")
    if found and wrapper:
        yield Finding("TensorRT", OK, f"{found}, torch-tensorrt {wrapper}")
    else:
        missing = "torch-tensorrt" if found else "TensorRT"
        yield Finding("TensorRT", ABSENT, f"{missing} is not installed", f"with a GPU, {REMEDY}")


def cupy() -> Iterator[Finding]:
    """CuPy, and where it reaches a GPU the CUDA kernels, against the reference."""
    from tryon.kernels.cuda import why_not

    problem = why_not()
    if problem:
        yield absent("CuPy", problem)
    else:
        yield Finding("CuPy", OK, f"{version_of('cupy-cuda13x')}, reaches the GPU")
        yield _cuda_kernels()


def _cuda_kernels() -> Finding:
    from tryon.kernels.cuda import UPDATE, CudaDevice
    from tryon.kernels.cuda_check import fault_of
    from tryon.kernels.cuda_set import CudaSet

    try:
        fault = fault_of(CudaSet(CudaDevice(_stream())))
    except Exception as error:  # of CuPy, its compiler or the driver; the CPU's do as well
        fault = f"cannot run ({one_line(error)}): {UPDATE}"
    if fault:
        return absent("CUDA kernels", fault)
    return Finding("CUDA kernels", OK, "compiled, and agree with the reference")


def _stream() -> Any:
    """What a session's kernels run on: a stream of PyTorch's, where PyTorch has the GPU."""
    from tryon.engines.gpu import why_no_torch_gpu

    if why_no_torch_gpu() is not None:
        return None
    import torch

    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def engines() -> Iterator[Finding]:
    """What can run the student; the one taken by default is run."""
    from tryon.engines.choose import ENGINE_NAMES, choose, why_not
    from tryon.session.workplace import open_workplace

    best = True
    for name in ENGINE_NAMES[1:]:
        problem = why_not(name)
        if problem:
            yield absent(f"engine {name}", problem)
            continue
        if best:  # the one that "auto" takes must work; the others are only looked at
            engine = choose(name, build=False)  # it changes nothing
            engine.wait_ready()
            kernels = open_workplace("auto", engine).kernels.name
            text = f"{engine.name}, runs; taken by default, with {kernels} kernels"
            yield Finding(f"engine {name}", OK, text)
            engine.close()
            best = False
        else:
            yield Finding(f"engine {name}", OK, "installed")
    if best:
        yield Finding("engines", BROKEN, "none can run", "pip install openvino")
