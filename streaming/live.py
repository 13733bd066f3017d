"""The live loop: turns a source of frames and a function of a frame into calls of sinks.

It never queues. A source faster than the function is thinned, so what is shown is at most
one frame old; with `every_frame` the source waits instead and nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event, Thread
from time import monotonic, monotonic_ns
from typing import Protocol

from tryon.streaming.slot import Slot, SlotClosedError
from tryon.streaming.stats import LiveReport, LiveStats
from tryon.types import Frame, TryOnResult

_IDLE_S = 0.03  # how long a window may go without its events being handled


class Source(Protocol):
    """Where frames come from."""

    @property
    def live(self) -> bool:
        """Whether frames come at their own pace; if not, they are paced by their `pts`."""

    @property
    def description(self) -> str:
        """What plays, in words: name, size, rate."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames, called once and from one thread."""

    def close(self) -> None:
        """End `frames` soon and release everything; safe from any thread, harmless twice."""


class Sink(Protocol):
    """Where results go; called on the thread that runs the loop."""

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Take one result and the frame it was made from."""

    def idle(self) -> None:
        """Nothing new came for a moment: handle events."""

    def close(self, *, failed: bool) -> None:
        """Finish; `failed` says that an error or Ctrl-C ended the run."""


def run_live(
    source: Source,
    compute: Callable[[Frame], TryOnResult],
    sinks: Sequence[Sink],
    *,
    frames: int | None = None,
    every_frame: bool = False,
    stop: Callable[[], bool] = lambda: False,
    stats: LiveStats | None = None,
) -> LiveReport:
    """Run until the source ends, `frames` were shown, or `stop()`; always closes source and sinks.

    Args:
        source: Read on a thread of its own.
        compute: Frame to result, called on this thread.
        sinks: Shown every result, in order, on this thread.
        frames: Stop after so many; None plays to the end.
        every_frame: Wait for compute instead of dropping, and do not pace by time stamps.
        stop: Asked between frames.
        stats: Filled while running; pass one to read it meanwhile.

    Returns:
        What the run amounted to.

    Raises:
        BaseException: Whatever source, compute or a sink raised, KeyboardInterrupt too, after
            everything was closed.
    """
    stats = stats or LiveStats()
    slot: Slot[Frame] = Slot()
    stopping = Event()
    reader = Thread(
        target=_read, args=(source, slot, stopping, every_frame), name="tryon-source", daemon=True
    )
    reader.start()
    failed = True
    try:
        while not stop() and (frames is None or stats.frames < frames):
            try:
                frame = slot.get(_IDLE_S)
            except TimeoutError:
                for sink in sinks:
                    sink.idle()
                continue
            except SlotClosedError:
                break
            result = compute(frame)
            for sink in sinks:
                sink.show(frame, result)
            stats.drops = slot.drops
            stats.record(result.timings, (monotonic_ns() - frame.captured_at) / 1e6)
        failed = False
    finally:
        stopping.set()
        slot.close()
        source.close()
        reader.join(2.0)  # a driver that never returns keeps only its daemon thread
        _close(sinks, failed)
    return stats.report()


def _read(source: Source, slot: Slot[Frame], stopping: Event, every_frame: bool) -> None:
    """Body of the source's thread: source -> slot, at the pace of the time stamps."""
    error: BaseException | None = None
    paced = not source.live and not every_frame
    origin: float | None = None  # monotonic s at which pts 0 is due
    try:
        for frame in source.frames():
            if paced and frame.pts is not None:
                pts = float(frame.pts)
                origin = monotonic() - pts if origin is None else origin
                stopping.wait(max(0.0, origin + pts - monotonic()))
                frame = replace(frame, captured_at=monotonic_ns())
            slot.put(frame, wait=every_frame)
    except SlotClosedError:
        pass
    except BaseException as caught:  # any end of this thread must end the program
        error = caught
    slot.close(error)


def _close(sinks: Sequence[Sink], failed: bool) -> None:
    """Close every sink, also when one of them fails; raise the first failure at the end."""
    error: Exception | None = None
    for sink in sinks:
        try:
            sink.close(failed=failed)
        except Exception as caught:
            error = error or caught
    if error is not None and not failed:
        raise error
