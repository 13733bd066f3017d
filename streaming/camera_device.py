"""Turns one opened camera into a slot with its newest picture, on a thread of its own.

It tells real pictures from a stale repetition; it never decides what to do about a fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic_ns, sleep
from typing import Any, Protocol

import numpy as np

from tryon.errors import CameraError, ConfigError
from tryon.streaming.slot import Slot, SlotClosedError
from tryon.types import UInt8

_FOURCC = 6  # cv2.CAP_PROP_FOURCC


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Which camera, what is asked of it, and how long it may take; times in s."""

    index: int = 0
    width: int = 1280  # px; asked for, the camera may give another
    height: int = 720
    fps: int = 30
    open_s: float = 15.0  # until the first picture
    black_s: float = 1.0  # until the first picture that is not black
    stall_s: float = 2.0  # without a new picture: the camera is lost
    give_up_s: float = 30.0  # of trying to get a lost camera back

    def __post_init__(self) -> None:
        if not (0 <= self.index and 16 <= self.width <= 8192 and 16 <= self.height <= 8192):
            raise ConfigError(
                f"camera {self.index} at {self.width}x{self.height} is out of range; "
                "use an index from 0 and a size within 16..8192"
            )


class Capture(Protocol):
    """An opened device; `cv2.VideoCapture` is one."""

    def isOpened(self) -> bool:  # noqa: N802
        """Whether the device answered."""

    def read(self) -> tuple[bool, Any]:
        """Next picture: success, and (H, W, 3) uint8 BGR."""

    def get(self, prop: int, /) -> float:
        """A property by OpenCV's number."""

    def release(self) -> None:
        """Let go of the device."""


Opener = Callable[[str, CameraConfig], Capture]


class Device:
    """One opening of a camera, read on a thread of its own, since `read` may hang."""

    def __init__(
        self, backend: str, config: CameraConfig, opener: Opener, accept_still: bool
    ) -> None:
        self.backend = backend
        self.format = "unknown format"
        self.repeated = accept_still  # the last pictures were all the same
        self.first: UInt8 = np.zeros((config.height, config.width, 3), np.uint8)
        self.slot: Slot[tuple[UInt8, int]] = Slot()
        self._accept_still = accept_still
        self._stopping = Event()
        Thread(target=self._read, args=(config, opener), name="tryon-camera", daemon=True).start()

    def stop(self) -> None:
        """Ask the thread to let go of the device as soon as `read` returns."""
        self._stopping.set()
        self.slot.close()

    def _read(self, config: CameraConfig, opener: Opener) -> None:
        capture: Capture | None = None
        error: CameraError | None = None
        try:
            capture = opener(self.backend, config)
            if not capture.isOpened():
                raise CameraError("no answer")
            self.format = _fourcc(capture.get(_FOURCC))
            last: UInt8 | None = None
            while not self._stopping.is_set():
                good, picture = capture.read()
                now = monotonic_ns()
                if not good or picture is None or not picture.size:
                    sleep(0.005)
                    continue
                sample = picture[::16, ::16].copy()
                # An unplugged camera may repeat its last picture for ever and call it success;
                # a sensor's noise makes two real pictures differ.
                same = last is not None and np.array_equal(sample, last)
                last = sample
                if not same or self._accept_still:
                    self.repeated = self._accept_still
                    self.slot.put((_to_rgb(picture), now))
                else:
                    self.repeated = True
                    sleep(0.001)
        except SlotClosedError:
            pass
        except CameraError as caught:
            error = caught
        except Exception as caught:
            error = CameraError(str(caught) or type(caught).__name__)
        finally:
            if capture is not None:
                capture.release()
            self.slot.close(error)


def open_cv2(backend: str, config: CameraConfig) -> Capture:
    """Open a camera through OpenCV, asking for motion JPEG.

    Uncompressed 1280x720 does not fit through USB 2 at 30 fps, motion JPEG does.

    Args:
        backend: OpenCV's name of the back-end, without `CAP_`.
        config: Index, size and rate.
    """
    # Media Foundation's hardware transforms are what makes it take so long to open.
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
    import cv2

    cv2.utils.logging.setLogLevel(0)  # we report failures ourselves, in one line
    wanted = [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, config.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
        (cv2.CAP_PROP_FPS, config.fps),
    ]
    number = getattr(cv2, f"CAP_{backend}")
    if backend == "DSHOW":  # it fixes the pixel format while opening
        capture = cv2.VideoCapture(config.index, number, [int(v) for w in wanted for v in w])
    else:
        capture = cv2.VideoCapture(config.index, number)
        for prop, value in wanted:
            capture.set(prop, value)
    return capture


def _to_rgb(picture: Any) -> UInt8:
    import cv2

    code = cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB
    image: UInt8 = cv2.cvtColor(picture, code)
    return image


def _fourcc(value: float) -> str:
    number = int(value) if 0 < value < 2**32 else 0
    text = number.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
    return text if text.isalnum() else "unknown format"
