"""Cameras that the system lists, and whether calls can be given one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tryon.doctor.finding import ABSENT, OK, Finding, version_of

LOOPBACKS = Path("/sys/devices/virtual/video4linux")


def cameras() -> Iterator[Finding]:
    """Cameras by the system's own list; none is opened."""
    from tryon.streaming.cameras import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        yield Finding(f"camera {camera.index}", OK, camera.name)
    if not cameras:
        remedy = "plug one in, or use --source demo or a file"
        yield Finding("cameras", ABSENT, "none listed by the system", remedy)


def virtual_camera() -> Iterator[Finding]:
    """What `--virtual-camera` needs."""
    installed = version_of("pyvirtualcam")
    if not installed:
        yield Finding(
            "virtual camera", ABSENT, "pyvirtualcam is not installed", "pip install 'tryon[camera]'"
        )
    elif sys.platform == "linux" and not any(LOOPBACKS.glob("video*")):
        remedy = "install v4l2loopback, then: sudo modprobe v4l2loopback exclusive_caps=1"
        yield Finding("virtual camera", ABSENT, "there is no loopback device", remedy)
    else:
        yield Finding("virtual camera", OK, f"pyvirtualcam {installed}")
