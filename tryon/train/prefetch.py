"""Painting ahead of training in processes of its own, so that both use their cores.

Each worker paints with its own seed; batches come in the order they are ready.
"""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable, Iterable
from dataclasses import fields
from multiprocessing.queues import Queue
from queue import Empty
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray

from tryon.errors import TryOnError
from tryon.train.pairs import PairBatch, PairSource

Request = tuple[int, int] | None  # (size, count); None ends a worker
Painted = tuple[int, tuple[NDArray[np.float32], ...]]  # size, the fields of a PairBatch


class Prefetch:
    """A `PairSource` whose training batches are painted by `workers` processes."""

    def __init__(
        self, open_source: Callable[[int], PairSource], workers: int = 1, ahead: int = 3
    ) -> None:
        """Start the workers.

        Args:
            open_source: makes the source from a seed; must be picklable.
            workers: processes, each on one thread.
            ahead: batches asked for in advance.
        """
        self._own = open_source(0)
        context = mp.get_context("spawn")
        self._requests: Queue[Request] = context.Queue()
        self._ready: Queue[Painted | str] = context.Queue()
        self._ahead, self._asked, self._last = ahead, 0, (0, 0)
        self._workers = [
            context.Process(
                target=_paint_on_request,
                args=(open_source, seed + 1, self._requests, self._ready),
                daemon=True,
            )
            for seed in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def batch(self, size: int, count: int) -> PairBatch:
        """The next painted batch; asks for as many again.

        Raises:
            TryOnError: a worker failed or is gone, or `close` was called.
        """
        if not self._workers:
            raise TryOnError("the painting processes were closed; make a new Prefetch")
        self._last = (size, count)
        while self._asked < self._ahead:
            self._requests.put((size, count))
            self._asked += 1
        while True:
            try:
                item = self._ready.get(timeout=1.0)
            except Empty:
                if not all(worker.is_alive() for worker in self._workers):
                    raise TryOnError("a painting process is gone; start anew") from None
                continue
            if isinstance(item, str):
                raise TryOnError(f"a painting process failed: {item}")
            self._requests.put(self._last)
            painted_size, arrays = item
            # After a change of size the batches already under way are of no use.
            if (painted_size, len(arrays[0])) == (size, count):
                return PairBatch(*(torch.from_numpy(array) for array in arrays))

    def held_out(self, size: int) -> Iterable[PairBatch]:
        """The held-out pairs, painted here."""
        return self._own.held_out(size)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.terminate()
            worker.join()
        self._workers = []

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _next(requests: Queue[Request]) -> Request:
    """The next request; None when the trainer is gone, however it ended."""
    while True:
        try:
            return requests.get(timeout=2.0)
        except Empty:
            if _trainer_gone():
                return None


def _trainer_gone() -> bool:
    trainer = mp.parent_process()
    return trainer is None or not trainer.is_alive()


def _paint_on_request(
    open_source: Callable[[int], PairSource],
    seed: int,
    requests: Queue[Request],
    ready: Queue[Painted | str],
) -> None:
    torch.set_num_threads(1)
    try:
        source = open_source(seed)
        while (request := _next(requests)) is not None:
            size, count = request
            batch = source.batch(size, count)
            ready.put((size, tuple(getattr(batch, f.name).numpy() for f in fields(batch))))
    except Exception as error:  # whatever it is, the trainer must hear of it
        ready.put(f"{type(error).__name__}: {error}")
    if _trainer_gone():
        ready.cancel_join_thread()  # what nobody takes must not keep the process
