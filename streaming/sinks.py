"""Where results go beside the window: nowhere, a file, or a virtual camera.

They take frames as fast as they are given and never hold up the live loop for longer than
one frame; none of them changes a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from threading import Thread
from typing import Any

from tryon.errors import MissingExtraError, SinkError
from tryon.streaming.live import Sink
from tryon.streaming.media_writer import VideoWriter
from tryon.streaming.slot import Slot, SlotClosedError
from tryon.types import Frame, TryOnResult, UInt8


class NullSink:
    """Takes results and forgets them (benchmarks)."""

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Forget it."""

    def idle(self) -> None:
        """Nothing to do."""

    def close(self, *, failed: bool) -> None:
        """Nothing to do."""


class CallSink(NullSink):
    """Calls a function for every result, for progress bars and the like.

    Args:
        call: Given the frame and its result.
    """

    def __init__(self, call: Callable[[Frame, TryOnResult], None]) -> None:
        self._call = call

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Call the function."""
        self._call(frame, result)


class RecorderSink(NullSink):
    """Writes results to a video file.

    Time stamps are those of the source, or for a camera the time since the first frame.

    Args:
        writer: The file.
        keep_partial: Keep what was written when the run fails (a live recording); otherwise
            only a complete file is left.
    """

    def __init__(self, writer: VideoWriter, *, keep_partial: bool) -> None:
        self._writer, self._keep = writer, keep_partial
        self._began = 0

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Append one picture.

        Raises:
            MediaError: It could not be written.
        """
        self._began = self._began or frame.captured_at
        seconds = Fraction(frame.captured_at - self._began, 1_000_000_000)
        self._writer.write(result.image, seconds if frame.pts is None else frame.pts)

    def close(self, *, failed: bool) -> None:
        """Finish the file, or remove it."""
        if failed and not self._keep:
            self._writer.abort()
        else:
            self._writer.close()


_VIRTUAL = {  # pyvirtualcam's back-ends: what each needs
    "v4l2loopback": "sudo modprobe v4l2loopback exclusive_caps=1",
    "obs": "install OBS Studio, start its virtual camera once, then close OBS",
    "unitycapture": "install Unity Capture, or OBS Studio instead",
}


class VirtualCameraSink(NullSink):
    """Offers results as a camera to other programs, at the size of the first frame.

    Args:
        fps: Rate told to the other programs; frames go out when they come.
        notice: Told the name under which other programs find the camera.

    Raises:
        MissingExtraError: pyvirtualcam is not installed.
    """

    def __init__(
        self, fps: float = 30.0, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MissingExtraError(
                "the virtual camera needs pyvirtualcam; install it with: pip install "
                '"tryon[camera]"'
            ) from error
        self._open = pyvirtualcam.Camera
        self._fps, self._notice = fps, notice
        self._camera: Any = None
        self._last: UInt8 | None = None

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Send one picture; one of another size than the first is scaled to it.

        Raises:
            SinkError: No virtual camera driver can be used, with every reason and what each
                needs; or the driver takes no more pictures.
        """
        image = result.image
        if self._camera is None:
            # Drivers halve the colour's resolution, so odd sides are not possible.
            self._camera = self._start(image.shape[1] // 2 * 2, image.shape[0] // 2 * 2)
            self._notice(f"virtual camera: {self._camera.device}")
        size = self._camera.width, self._camera.height
        if (image.shape[1], image.shape[0]) != size:
            import cv2

            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        self._last = image
        self._send(image)

    def idle(self) -> None:
        """Send the last picture again: a call goes on while the camera is lost."""
        if self._last is not None:
            self._send(self._last)

    def close(self, *, failed: bool) -> None:
        """Take the camera away."""
        camera, self._camera, self._last = self._camera, None, None
        if camera is not None:
            camera.close()

    def _send(self, image: UInt8) -> None:
        try:
            self._camera.send(image)
        except (RuntimeError, OSError) as error:
            raise SinkError(f"the virtual camera stopped ({error}); start again") from error

    def _start(self, width: int, height: int) -> Any:
        try:
            return self._open(width=width, height=height, fps=self._fps)
        except RuntimeError as error:  # one line for each back-end: 'name' backend: reason
            reasons = []
            for line in str(error).splitlines():
                name = line.partition("'")[2].partition("'")[0]
                reason = line.partition("backend: ")[2] or line
                remedy = _VIRTUAL.get(name, "see the documentation of pyvirtualcam")
                reasons.append(f"{name or 'driver'}: {reason.strip().rstrip('.')}; {remedy}")
            raise SinkError(f"no virtual camera: {' / '.join(reasons)}") from error


class Background(NullSink):
    """Runs a slow sink on a thread of its own, so that showing does not wait for it.

    Args:
        sink: The sink; only ever called from the one thread.
        every_frame: Wait for it instead of dropping when it is busy.
    """

    def __init__(self, sink: Sink, *, every_frame: bool) -> None:
        self._sink, self._wait = sink, every_frame
        self._slot: Slot[tuple[Frame, TryOnResult]] = Slot()
        self._back: Slot[None] = Slot()  # only carries the thread's end and its error
        self._thread = Thread(target=self._work, name="tryon-sink", daemon=True)
        self._thread.start()

    @property
    def drops(self) -> int:
        """Results that came while the sink was busy and were replaced by newer ones."""
        drops: int = self._slot.drops
        return drops

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Hand over one result.

        Raises:
            BaseException: What the sink raised for an earlier one.
        """
        try:
            self._slot.put((frame, result), wait=self._wait)
        except SlotClosedError:
            self._back.get()

    def close(self, *, failed: bool) -> None:
        """Let the sink take the last result, then close it.

        Raises:
            BaseException: What the sink raised.
        """
        self._slot.close()
        self._thread.join()
        try:
            self._back.get()
        except SlotClosedError:
            self._sink.close(failed=failed)
        except BaseException:
            self._sink.close(failed=True)
            raise

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            while True:
                self._sink.show(*self._slot.get())
        except SlotClosedError:
            pass
        except BaseException as caught:
            error = caught
        self._back.close(error)
        self._slot.close()
