"""One place between two threads that holds at most one thing, the newest.

It turns a fast producer into fresh input for a slow consumer by dropping what nobody took;
it never queues, so what is read is never older than one step of the producer.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class SlotClosedError(Exception):
    """The other side has finished; there is nothing more to put or to get."""


class Slot(Generic[T]):
    """Capacity-one, newest-wins hand-over between one producer and one consumer.

    Attributes:
        drops: How many items were replaced before anybody took them.
    """

    def __init__(self) -> None:
        self.drops = 0
        self._item: T | None = None
        self._full = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = Condition()

    def put(self, item: T, *, wait: bool = False) -> None:
        """Place an item, replacing an untaken one.

        Args:
            item: What to hand over.
            wait: Wait until the slot is empty instead of replacing (no drops: offline work).

        Raises:
            SlotClosedError: The slot was closed.
        """
        with self._changed:
            while wait and self._full and not self._closed:
                self._changed.wait()
            if self._closed:
                raise SlotClosedError
            self.drops += self._full
            self._item, self._full = item, True
            self._changed.notify_all()

    def emptied(self) -> None:
        """Wait until the item was taken, or the slot was closed."""
        with self._changed:
            while self._full and not self._closed:
                self._changed.wait()

    def get(self, timeout: float | None = None) -> T:
        """Take the item, waiting for one.

        Args:
            timeout: Longest wait in s; None waits for ever.

        Returns:
            The newest item. After a close without error, the last item is still given out.

        Raises:
            TimeoutError: Nothing came in time.
            SlotClosedError: The producer has finished.
            BaseException: Whatever error the slot was closed with, at once.
        """
        deadline = None if timeout is None else monotonic() + timeout
        with self._changed:
            while not self._full and not self._closed:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._changed.wait(left)
            if self._error is not None:
                raise self._error
            if not self._full:
                raise SlotClosedError
            item, self._item, self._full = self._item, None, False
            self._changed.notify_all()
            return item  # type: ignore[return-value]  # full means that it is a T

    @contextmanager
    def filling(self) -> Generator[None]:
        """What a producer's thread does: when it ends the slot is closed, with what it raised.

        Nothing gets out of the block: any end of such a thread must end the program.
        """
        error: BaseException | None = None
        try:
            yield
        except SlotClosedError:
            pass
        except BaseException as caught:
            error = caught
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """End the hand-over from either side; the first error given wins.

        Args:
            error: Why, if something went wrong; the consumer's next `get` raises it.
        """
        with self._changed:
            self._closed = True
            self._error = self._error or error
            self._changed.notify_all()
