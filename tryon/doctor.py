"""`python -m tryon.doctor`: what this machine can do, a line each, and the remedy where it cannot.

It looks, and runs the networks once; it changes nothing, opens no camera and asks no server.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tryon.console import one_line, run_main

OK, ABSENT, BROKEN = "ok", "absent", "broken"

MARKS = {OK: "ok", ABSENT: "-", BROKEN: "BROKEN"}

LOOPBACKS = Path("/sys/devices/virtual/video4linux")

# Package -> module; without any of these makeup cannot be worn.
NEEDED = {
    "numpy": "numpy",
    "numba": "numba",
    "openvino": "openvino",
    "opencv-python": "cv2",
    "av": "av",
    "pillow": "PIL",
    "safetensors": "safetensors",
    "tqdm": "tqdm",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: str  # ok; absent: something optional; broken: something the main job needs
    text: str  # what was found
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code: 1 if something is broken that wearing a look needs.
    """
    found: list[Finding] = []
    code = run_main(_parser(), lambda arguments: found.extend(_run(arguments)), argv)
    return code or int(any(finding.state == BROKEN for finding in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon doctor", description="What this machine can do, and what to install for more."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    return parser


def _run(arguments: argparse.Namespace) -> list[Finding]:
    found = []
    for finding in examine():
        found.append(finding)
        if not arguments.json:  # at once: some checks take seconds
            remedy = f": {finding.remedy}" if finding.remedy else ""
            print(f"{MARKS[finding.state]:8}{finding.name:18}{finding.text}{remedy}", flush=True)
    if arguments.json:
        healthy = all(finding.state != BROKEN for finding in found)
        print(json.dumps({"ok": healthy, "checks": [asdict(finding) for finding in found]}))
    return found


def examine() -> Iterator[Finding]:
    """Every check in turn; one that fails in an unforeseen way is a finding, too."""
    for check in CHECKS:
        name = check.__name__.removeprefix("_").replace("_", " ")
        try:
            yield from check()
        except Exception as error:
            yield Finding(name, BROKEN, one_line(error))


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("python", OK, text)  # an older one could not have read this file


def _packages() -> Iterator[Finding]:
    from tryon._openvino import load_openvino

    for package, module in NEEDED.items():
        try:
            load_openvino() if module == "openvino" else import_module(module)
            yield Finding(package, OK, _version(package))
        except Exception as error:  # a library of the system that is missing is an ImportError, too
            absent = find_spec(module) is None
            text = "not installed" if absent else f"cannot be imported ({one_line(error)})"
            yield Finding(package, BROKEN, text, f"pip install --force-reinstall {package}")


def _cpu() -> Iterator[Finding]:
    from tryon.bench.machine import describe_machine
    from tryon.kernels.compiled import cpu_features

    machine = describe_machine()
    names = "avx2 avx512f avx512vnni avxvnni avx512bf16 amx-bf16 amx-int8 neon".split()
    known = cpu_features()
    listed = ", ".join(name for name in names if name in known) or "no vector extensions known"
    yield Finding("cpu", OK, f"{machine.cpu}, {machine.cores} cores; {listed}")


def _weights() -> Iterator[Finding]:
    from tryon.face.bundle import bundle_path
    from tryon.models.weights import STUDENT_DIR, read_manifest, verified_bytes

    def student() -> str:
        manifest = read_manifest(STUDENT_DIR)
        sizes = [len(verified_bytes(STUDENT_DIR, manifest, name)) for name in manifest.files]
        commit = f", trained at {manifest.commit[:10]}" if manifest.commit else ""
        return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB, SHA-256 as shipped{commit}"

    def face() -> str:
        return f"{bundle_path().stat().st_size / 1e6:.1f} MB, SHA-256 as shipped"

    for name, check in (("student weights", student), ("face networks", face)):
        try:
            yield Finding(name, OK, check())
        except OSError as error:  # the message has the remedy
            yield Finding(name, BROKEN, one_line(error))


def _kernels() -> Iterator[Finding]:
    import numpy as np

    from tryon.kernels import cpu, reference

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    texels = rng.uniform(0, 8, (32, 32, 2)).astype(np.float32)
    half = np.full((32, 32), 0.5, np.float32)
    affine = rng.random((8, 8, 6), np.float32)
    sources = rng.integers(0, 64, (2, 8, 8), dtype=np.int32)
    found, wanted = image.copy(), image.copy()
    cpu.composite(found, texels, (0, 0), affine, sources, half, half)
    reference.composite(wanted, texels, (0, 0), affine, sources, half, half)
    if np.abs(found.astype(int) - wanted).max() <= 1:
        yield Finding("CPU kernels", OK, "compiled, and agree with the reference")
    else:
        yield Finding("CPU kernels", BROKEN, "wrong results", "reinstall numba, report it")


def _gpu() -> Iterator[Finding]:
    from tryon.engines.gpu import gpu_state

    state = gpu_state()
    if state.problem:
        yield _absent("gpu", state.problem)
    for gpu in state.gpus:
        memory = f"{gpu.memory / 2**30:.0f} GiB"
        yield Finding("gpu", OK, f"{gpu.name}, compute capability {gpu.capability}, {memory}")
    if state.cuda:
        yield Finding("driver", OK, f"runs CUDA up to {state.cuda}")


def _tensorrt() -> Iterator[Finding]:
    from tryon.engines.tensorrt_build import REMEDY, tensorrt_version

    found = tensorrt_version()
    wrapper = _version("torch-tensorrt")
    if found and wrapper:
        yield Finding("TensorRT", OK, f"{found}, torch-tensorrt {wrapper}")
    else:
        missing = "torch-tensorrt" if found else "TensorRT"
        yield Finding("TensorRT", ABSENT, f"{missing} is not installed", f"with a GPU, {REMEDY}")


def _cupy() -> Iterator[Finding]:
    from tryon.kernels.cuda import why_not

    problem = why_not()
    if problem:
        yield _absent("CuPy", problem)
    else:
        yield Finding("CuPy", OK, f"{_version('cupy-cuda13x')}, reaches the GPU")
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
        return _absent("CUDA kernels", fault)
    return Finding("CUDA kernels", OK, "compiled, and agree with the reference")


def _stream() -> Any:
    """What a session's kernels run on: a stream of PyTorch's, where PyTorch has the GPU."""
    from tryon.engines.gpu import why_no_torch_gpu

    if why_no_torch_gpu() is not None:
        return None
    import torch

    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def _engines() -> Iterator[Finding]:
    from tryon.engines.choose import ENGINE_NAMES, choose, why_not
    from tryon.session.workplace import open_workplace

    best = True
    for name in ENGINE_NAMES[1:]:
        problem = why_not(name)
        if problem:
            yield _absent(f"engine {name}", problem)
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


def _cameras() -> Iterator[Finding]:
    from tryon.streaming.cameras import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        yield Finding(f"camera {camera.index}", OK, camera.name)
    if not cameras:
        remedy = "plug one in, or use --source demo or a file"
        yield Finding("cameras", ABSENT, "none listed by the system", remedy)


def _virtual_camera() -> Iterator[Finding]:
    installed = _version("pyvirtualcam")
    if not installed:
        yield Finding(
            "virtual camera", ABSENT, "pyvirtualcam is not installed", "pip install 'tryon[camera]'"
        )
    elif sys.platform == "linux" and not any(LOOPBACKS.glob("video*")):
        remedy = "install v4l2loopback, then: sudo modprobe v4l2loopback exclusive_caps=1"
        yield Finding("virtual camera", ABSENT, "there is no loopback device", remedy)
    else:
        yield Finding("virtual camera", OK, f"pyvirtualcam {installed}")


CHECKS: tuple[Check, ...] = (
    _python,
    _packages,
    _cpu,
    _weights,
    _kernels,
    _gpu,
    _tensorrt,
    _cupy,
    _engines,
    _cameras,
    _virtual_camera,
)


def _absent(name: str, problem: str) -> Finding:
    """A finding from one line `what: remedy`."""
    text, _, remedy = problem.rpartition(": ")
    return Finding(name, ABSENT, text or problem, remedy if text else "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
