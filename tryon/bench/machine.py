"""What a figure was measured on: hardware, versions, commit and date, and memory in use.

It only looks; it never changes a setting.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("tryon", "numpy", "numba", "openvino", "opencv-python", "av", "torch", "mediapipe")


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware, versions, commit and date of a run."""

    cpu: str
    cores: int
    gpu: str  # name and driver, or "none"
    system: str
    versions: str
    commit: str
    date: str


def describe_machine() -> Machine:
    """This machine, now."""
    root = Path(__file__).resolve().parents[2]
    return Machine(
        cpu=_cpu_name(),
        cores=_cores(),
        gpu=_said_by("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
        or "none",
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        versions=", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        commit=_said_by("git", "-C", str(root), "rev-parse", "--short", "HEAD") or "unknown",
        date=date.today().isoformat(),
    )


def resident_mb() -> float:
    """Memory of this process in MB; NaN where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _said_by(*command: str) -> str:
    """First line a program prints; empty when it fails or does not exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip().partition("\n")[0] if done.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else "unknown CPU"
