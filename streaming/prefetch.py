"""An iterable read one item ahead on a thread of its own, so that its work is not waited for.

Nothing is dropped and nothing queued: the thread waits until its item is taken.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TypeVar

from tryon.streaming.slot import Slot, SlotClosedError

T = TypeVar("T")


@contextmanager
def prefetched(items: Iterable[T]) -> Generator[Iterator[T]]:
    """Iterate over `items` while the next one is being made.

    Args:
        items: only ever touched by the one thread, which has ended when the block is left.

    Yields:
        The items; what `items` raises is raised in the reader's place.
    """
    slot: Slot[T] = Slot()
    thread = Thread(target=_fill, args=(items, slot), name="tryon-prefetch", daemon=True)
    thread.start()
    try:
        yield _drain(slot)
    finally:
        slot.close()
        thread.join()


def _fill(items: Iterable[T], slot: Slot[T]) -> None:
    with slot.filling():
        for item in items:
            slot.put(item, wait=True)


def _drain(slot: Slot[T]) -> Iterator[T]:
    try:
        while True:
            yield slot.get()
    except SlotClosedError:
        return
