"""The live loop: turns a source of frames and what is done to a frame into calls of sinks.

It never queues. A source faster than the work is thinned, so what is shown is at most one frame
old; with `every_frame` the source waits instead and nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from threading import Event, Thread
from time import monotonic, monotonic_ns
from typing import Any, Protocol

from tryon.streaming.slot import Slot, SlotClosedError
from tryon.streaming.stats import LiveReport, LiveStats
from tryon.types import Frame, TryOnResult

_Way = tuple[Frame, Any]
"""A frame, and what the stages so far have made of it."""

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
    stages: Sequence[Callable[[Any], Any]],
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
        stages: What a frame goes through, one after the other, to a `TryOnResult`. The last runs
            on this thread, each other on its own, where it takes up a frame when the one before
            has gone on: it works while the next stage does, and nothing waits in between.
        sinks: Shown every result, in order, on this thread.
        frames: Stop after so many; None plays to the end.
        every_frame: Wait for the stages instead of dropping, and do not pace by time stamps.
        stop: Asked between frames.
        stats: Filled while running; pass one to read it meanwhile.

    Returns:
        What the run amounted to.

    Raises:
        BaseException: Whatever source, a stage or a sink raised, KeyboardInterrupt too, after
            everything was closed.
    """
    stats = stats or LiveStats()
    slots: list[Slot[_Way]] = [Slot() for _ in stages]
    stopping = Event()
    threads = [_start("tryon-source", _read, source, slots[0], stopping, every_frame)]
    for stage, (before, after) in zip(stages[:-1], pairwise(slots), strict=True):
        threads.append(_start("tryon-ahead", _go_ahead, stage, before, after))
    failed = True
    try:
        while not stop() and (frames is None or stats.frames < frames):
            try:
                frame, value = slots[-1].get(_IDLE_S)
            except TimeoutError:
                for sink in sinks:
                    sink.idle()
                continue
            except SlotClosedError:
                break
            result = stages[-1](value)
            for sink in sinks:
                sink.show(frame, result)
            stats.drops = slots[0].drops
            stats.record(result.timings, (monotonic_ns() - frame.captured_at) / 1e6)
        failed = False
    finally:
        stopping.set()
        for slot in slots:
            slot.close()
        source.close()
        for thread in threads:
            thread.join(2.0)  # a driver that never returns keeps only its daemon thread
        _close(sinks, failed)
    return stats.report()


def _start(name: str, body: Callable[..., None], *arguments: object) -> Thread:
    thread = Thread(target=body, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def _go_ahead(stage: Callable[[Any], Any], before: Slot[_Way], after: Slot[_Way]) -> None:
    """Body of a stage's thread: slot -> stage -> slot, a frame only when the last one was taken."""
    with after.filling(), closing(before):
        while True:
            frame, value = before.get()
            after.put((frame, stage(value)))
            after.emptied()


def _read(source: Source, slot: Slot[_Way], stopping: Event, every_frame: bool) -> None:
    """Body of the source's thread: source -> slot, at the pace of the time stamps."""
    paced = not source.live and not every_frame
    origin: float | None = None  # monotonic s at which pts 0 is due
    with slot.filling():
        for frame in source.frames():
            if paced and frame.pts is not None:
                pts = float(frame.pts)
                origin = monotonic() - pts if origin is None else origin
                stopping.wait(max(0.0, origin + pts - monotonic()))
                frame = replace(frame, captured_at=monotonic_ns())
            slot.put((frame, frame), wait=every_frame)


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
