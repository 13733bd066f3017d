"""Turns a webcam into a stream of its newest frames, and survives the webcam's moods.

It asks named back-ends in a fixed order, believes only what it measures, and notices a camera
that hangs or repeats itself; it never waits for a camera for ever.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

from tryon.errors import CameraError, CameraLostError
from tryon.streaming.camera_device import CameraConfig, Device, Opener, open_cv2
from tryon.streaming.cameras import list_cameras
from tryon.streaming.slot import SlotClosedError
from tryon.types import Frame, UInt8

__all__ = ["Camera", "CameraConfig"]

# DirectShow opens in a moment where Media Foundation can take ten seconds, so it goes first.
BACKENDS = {"linux": ("V4L2",), "win32": ("DSHOW", "MSMF"), "darwin": ("AVFOUNDATION",)}
_BLACK = 16  # brightest value of a picture that counts as black: the floor of limited range


class Camera:
    """A webcam as a frame source.

    Args:
        config: Which camera and how.
        opener: Opens a back-end by name; replaced in tests.
        platform: As `sys.platform`.
        notice: Told in words when the camera is lost or back.

    Raises:
        CameraError: No back-end opens the camera; the message names the likely cause.
    """

    live = True

    def __init__(
        self,
        config: CameraConfig | None = None,
        *,
        opener: Opener | None = None,
        platform: str = sys.platform,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.config = config or CameraConfig()
        self._opener, self._platform, self._notice = opener or open_cv2, platform, notice
        self._closing = Event()
        self._stamps: deque[int] = deque(maxlen=30)
        self._device = self._open(BACKENDS.get(platform, ("ANY",)), accept_black=False)

    @property
    def fps(self) -> float:
        """Measured rate in frames per s; drivers' own figure is often wrong. 0 if unknown."""
        if len(self._stamps) < 2:
            return 0.0
        return (len(self._stamps) - 1) * 1e9 / (self._stamps[-1] - self._stamps[0])

    @property
    def description(self) -> str:
        """What was actually opened, in words."""
        d = self._device
        height, width = d.first.shape[:2]
        return (
            f"camera {self.config.index} ({d.backend}), {width}x{height} "
            f"at {self.fps:.1f} fps, {d.format}"
        )

    def frames(self) -> Iterator[Frame]:
        """The newest frame, again and again, until `close`.

        While a lost camera is being re-opened nothing is yielded. Sizes may change.

        Yields:
            Frames as (H, W, 3) uint8 RGB; `pts` is None.

        Raises:
            CameraLostError: The camera was lost and did not come back in time.
        """
        index, last = 0, 0
        while not self._closing.is_set():
            try:
                image, stamp = self._next(self.config.stall_s)
            except CameraError as error:
                self._recover(error)
                continue
            last = max(stamp, last + 1)  # strictly increasing, whatever the clock does
            self._stamps.append(last)
            yield Frame(image, index, None, last)
            index += 1

    def close(self) -> None:
        """End `frames` and let go of the device; safe from any thread, harmless twice."""
        self._closing.set()
        self._device.stop()

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self, seconds: float, device: Device | None = None) -> tuple[UInt8, int]:
        """The next picture and its time (ns); CameraError when none comes within `seconds`."""
        deadline = monotonic() + seconds
        while True:
            try:
                newest: tuple[UInt8, int] = (device or self._device).slot.get(0.05)
                return newest
            except SlotClosedError as error:
                raise CameraLostError("closed") from error
            except TimeoutError as error:
                if self._closing.is_set() or monotonic() > deadline:
                    raise CameraLostError(f"no new picture for {seconds:g} s") from error

    def _open(
        self, backends: tuple[str, ...], *, accept_black: bool, accept_still: bool = False
    ) -> Device:
        reasons, black = [], None
        for backend in backends:
            device = Device(backend, self.config, self._opener, accept_still)
            try:
                if self._probe(device, accept_black):
                    return device
                black = black or backend
                reasons.append(f"{backend}: only black pictures")
            except CameraError as error:
                reasons.append(f"{backend}: {error}")
            except BaseException:
                device.stop()
                raise
            device.stop()
        if black is not None:
            self._notice("the picture is black; is the lens covered or the room dark?")
            return self._open((black,), accept_black=True)
        raise CameraError(
            f"camera {self.config.index} does not open ({'; '.join(reasons)}): "
            f"{_remedy(self._platform, self.config.index)}"
        )

    def _probe(self, device: Device, accept_black: bool) -> bool:
        """Wait for a picture that is not black, then measure the rate for half a second."""
        image, stamp = self._next(self.config.open_s, device)
        deadline = monotonic() + self.config.black_s
        while not accept_black and _is_black(image):
            if monotonic() > deadline:
                return False
            image, stamp = self._next(self.config.stall_s, device)
        device.first = image
        self._stamps.clear()
        deadline = monotonic() + 0.5
        while monotonic() < deadline and len(self._stamps) < 10:
            self._stamps.append(stamp)
            image, stamp = self._next(self.config.stall_s, device)
        return True

    def _recover(self, error: CameraError) -> None:
        """Re-open the camera with growing pauses, until it is back, closed or given up."""
        lost, wait = self._device, 0.25
        lost.stop()
        if self._closing.is_set():
            return
        self._notice(f"camera lost ({error}); trying to get it back")
        deadline = monotonic() + self.config.give_up_s
        while not self._closing.is_set():
            try:
                # A camera that answers again with the very same picture shows a still scene (a
                # virtual camera, for one): then sameness is no sign of a fault.
                device = self._open((lost.backend,), accept_black=True, accept_still=lost.repeated)
            except CameraError as reason:
                if monotonic() > deadline:
                    raise CameraLostError(
                        f"camera {self.config.index} was lost and did not come back within "
                        f"{self.config.give_up_s:g} s ({error}); check cable and other programs"
                    ) from reason
                self._closing.wait(wait)
                wait = min(2 * wait, 1.0)
            else:
                self._device = device
                if self._closing.is_set():
                    device.stop()
                self._notice(f"camera is back: {self.description}")
                return


def _is_black(image: UInt8) -> bool:
    return bool(image[::8, ::8].max() <= _BLACK)


def _remedy(platform: str, index: int) -> str:
    """The likely cause and what to do, in words for this platform."""
    found = list_cameras(platform)
    names = ", ".join(f"{c.index} ({c.name})" for c in found)
    known = f"cameras found: {names}" if found else "or try --source demo"
    device = Path(f"/dev/video{index}")
    if platform == "darwin":
        cause = "allow the terminal in System Settings > Privacy & Security > Camera, and close "
        return f"{cause}other programs that use the camera; {known}"
    if platform == "win32":
        cause = "let desktop apps use it in Settings > Privacy & security > Camera, and close "
        return f"{cause}other programs that use the camera; {known}"
    if platform == "linux" and not device.exists():
        return f"{device} does not exist; plug the camera in; {known}"
    if platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
        return f"no permission for {device}; add yourself to the group `video` and log in again"
    return f"close other programs that use the camera; {known}"
