"""What makeup cannot be worn without: Python, packages, weights, kernels that compute rightly."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from tryon.console import one_line
from tryon.doctor.finding import BROKEN, OK, Finding, version_of

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


def python() -> Iterator[Finding]:
    """This interpreter."""
    text = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("python", OK, text)  # an older one could not have read this file


def packages() -> Iterator[Finding]:
    """What the main job imports; each is imported."""
    from tryon._openvino import load_openvino

    for package, module in NEEDED.items():
        try:
            load_openvino() if module == "openvino" else import_module(module)
            yield Finding(package, OK, version_of(package))
        except Exception as error:  # a library of the system that is missing is an ImportError, too
            absent = find_spec(module) is None
            text = "not installed" if absent else f"cannot be imported ({one_line(error)})"
            yield Finding(package, BROKEN, text, f"pip install --force-reinstall {package}")


def cpu() -> Iterator[Finding]:
    """The CPU, and the vector instructions that matter here."""
    from tryon.bench.machine import describe_machine
    from tryon.kernels.compiled import cpu_features

    machine = describe_machine()
    names = "avx2 avx512f avx512vnni avxvnni avx512bf16 amx-bf16 amx-int8 neon".split()
    known = cpu_features()
    listed = ", ".join(name for name in names if name in known) or "no vector extensions known"
    yield Finding("cpu", OK, f"{machine.cpu}, {machine.cores} cores; {listed}")


def weights() -> Iterator[Finding]:
    """The student and the face networks, whole and as shipped."""
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


def kernels() -> Iterator[Finding]:
    """The CPU kernels, against the reference."""
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
