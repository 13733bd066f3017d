"""A recording of what the window shows, begun and ended by a key while the picture goes on.

Pictures become a file on threads of their own, and the file has its name when it is complete; it
holds the live loop up for nothing and ends no window.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from tryon.errors import TryOnError
from tryon.streaming.media_writer import VideoWriter
from tryon.streaming.sinks import Background, RecorderSink
from tryon.types import Frame, TryOnResult, UInt8


class Recording:
    """One recording, without sound.

    Args:
        path: Where it shall be; nothing may be there yet.
        tell: Told in a line what became of it; may be called from another thread.

    Raises:
        MediaError: It cannot be written there.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path, self._tell = path, tell
        self._sink = Background(
            RecorderSink(VideoWriter(path), keep_partial=True), every_frame=False
        )
        self._ending: Thread | None = None

    def add(self, image: UInt8, captured_at: int) -> None:
        """Append a picture; those that come faster than they can be written are left out.

        Args:
            image: (H, W, 3) uint8 RGB; not to be changed any more.
            captured_at: ns on the monotonic clock; the first picture is at 0 s of the file.

        Raises:
            MediaError: An earlier one could not be written (disk full, for one).
        """
        self._sink.show(Frame(image, captured_at=captured_at), TryOnResult(image))

    def stop(self) -> None:
        """End it; the file is completed meanwhile. Harmless twice."""
        if self._ending is None:
            self._ending = Thread(target=self._finish, name="tryon-recording")
            self._ending.start()

    def wait(self) -> None:
        """Return when a stopped recording is complete."""
        if self._ending is not None:
            self._ending.join()

    def _finish(self) -> None:
        try:
            self._sink.close(failed=False)
        except TryOnError as error:
            self._tell(str(error))
            return
        left = f"; writing was slower: {self._sink.drops} frames left out" * bool(self._sink.drops)
        self._tell(f"saved {self._path}{left}" if self._path.exists() else "nothing was recorded")
