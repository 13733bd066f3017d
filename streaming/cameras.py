"""Names the cameras of this machine: turns what the system lists into indices and names.

It opens none of them, so no light goes on and no permission is asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tryon.errors import CameraError

_SYSFS = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera: the index to open it by and what the system calls it."""

    index: int
    name: str


def list_cameras(platform: str = sys.platform) -> tuple[CameraInfo, ...]:
    """Cameras in the order in which they are opened; empty where the system lists none.

    Args:
        platform: As `sys.platform`.
    """
    listers: dict[str, Callable[[], tuple[CameraInfo, ...]]] = {
        "linux": linux_cameras,
        "darwin": mac_cameras,
        "win32": windows_cameras,
    }
    lister = listers.get(platform)
    return lister() if lister else ()


def find_camera(text: str, cameras: tuple[CameraInfo, ...] | None = None) -> int:
    """The index meant by `0` or by a part of a camera's name.

    Args:
        text: An index, or a part of a name in any case.
        cameras: Where to look; None asks the system.

    Raises:
        CameraError: No camera has that name, or several have.
    """
    if text.isdecimal():
        return int(text)
    cameras = list_cameras() if cameras is None else cameras
    found = [c for c in cameras if text.casefold() in c.name.casefold()]
    if len(found) == 1:
        return found[0].index
    names = ", ".join(f"{c.index} ({c.name})" for c in found or cameras) or "none"
    what = "several cameras are" if found else "no camera is"
    raise CameraError(f"{what} called {text!r}; use an index of: {names}")


def linux_cameras(root: Path = _SYSFS) -> tuple[CameraInfo, ...]:
    """Capture devices of Video4Linux.

    Args:
        root: Where the kernel lists them.
    """
    cameras = []
    for node in root.glob("video*"):
        number = node.name.removeprefix("video")
        # A webcam has further nodes, for metadata, with an index above 0.
        if number.isdecimal() and _text(node / "index") in ("0", ""):
            cameras.append(CameraInfo(int(number), _text(node / "name") or node.name))
    return tuple(sorted(cameras, key=lambda c: c.index))


def mac_cameras(
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run,
) -> tuple[CameraInfo, ...]:
    """Cameras of macOS, sorted by their unique id, which is how OpenCV numbers them.

    Args:
        run: Runs the system's profiler; replaced in tests.
    """
    command = ["system_profiler", "SPCameraDataType", "-json"]
    try:
        text = run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        entries = json.loads(text)["SPCameraDataType"]
        entries.sort(key=lambda e: e.get("spcamera_unique-id", ""))
        return tuple(CameraInfo(i, str(e["_name"])) for i, e in enumerate(entries))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return ()


def windows_cameras() -> tuple[CameraInfo, ...]:
    """Cameras of DirectShow, in the system's order, which is how OpenCV numbers them."""
    import av

    lister = getattr(av, "enumerate_input_devices", None)  # since PyAV 17
    try:
        devices = lister("dshow") if lister else []
    except (av.error.FFmpegError, ValueError, OSError):
        return ()
    names = [d.description or d.name for d in devices if "video" in d.media_types]
    return tuple(CameraInfo(i, name) for i, name in enumerate(names))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
