"""The next batch is made and moved to the device while the current one is trained on.

One thread, so batches keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from tryon.train.pairs import PairBatch, PairSource


class Ahead:
    """A `PairSource` that is one batch ahead."""

    def __init__(self, source: PairSource, device: str) -> None:
        self._source, self._device = source, device
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[tuple[int, int], Future[PairBatch]] | None = None

    def batch(self, size: int, count: int) -> PairBatch:
        """The batch made meanwhile; the making of another of its size begins."""
        wanted = (size, count)
        if self._next is None or self._next[0] != wanted:
            self._next = (wanted, self._pool.submit(self._make, *wanted))
        made = self._next[1].result()
        self._next = (wanted, self._pool.submit(self._make, *wanted))
        return made

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The wrapped source's held-out pairs, on the device."""
        for batch in self._source.held_out(size):
            yield batch.to(self._device)

    def close(self) -> None:
        """Let the batch under way end, and make no more."""
        self._pool.shutdown(cancel_futures=True)

    def _make(self, size: int, count: int) -> PairBatch:
        return self._source.batch(size, count).to(self._device)
