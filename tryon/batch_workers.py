"""Jobs to outcomes on several workers: each loads the networks once and does one file at a time.

A worker that dies is replaced and its file tried once more; no file's fault stops the others.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Protocol

from tryon.batch_files import Job, Outcome, digest, stamp
from tryon.console import one_line
from tryon.errors import ImageError, MediaError

if TYPE_CHECKING:
    from tryon.offline import Wish
    from tryon.session import TryOnSession

_TRIES = 2


class WorkerLostError(Exception):
    """A worker ended in the middle of a job; the message says how."""


class Lane(Protocol):
    """One worker, elsewhere; used by one thread."""

    def run(self, job: Job) -> Outcome:
        """Do one job.

        Raises:
            WorkerLostError: the worker is gone, and the lane with it.
        """

    def close(self) -> None:
        """End the worker, at once if it is at work; from any thread, harmless twice."""


class Worker:
    """What runs on the other side: a session, and files through it.

    Args:
        wish: what to wear.
        tone_map: bring HDR videos to BT.709.
    """

    def __init__(self, wish: Wish, tone_map: bool) -> None:
        self._wish, self._tone_map = wish, tone_map
        self._key = wish.key
        self._session: TryOnSession | None = None

    def work(self, job: Job) -> Outcome:
        """Do one job; whatever goes wrong is in the outcome."""
        from tryon.offline import VideoTask, make_up_photo, make_up_video

        began = time.monotonic()
        notes: tuple[str, ...] = ()
        frames, reason, before = 0, "", stamp(job.source)
        try:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            if job.video:
                task = VideoTask(job.source, job.output, tone_map=self._tone_map, overwrite=True)
                done = make_up_video(task, self._key, self._open)
                frames, notes = done.frames, done.notes
            else:
                make_up_photo(self._open(), job.source, job.output)
        except (ImageError, MediaError) as error:
            reason = one_line(error)
        except Exception as error:
            reason = one_line(error)
            self.close()  # nobody knows what state the session is in
        return Outcome(
            job.name,
            "failed" if reason else "ok",
            job.target,
            reason,
            notes,
            frames,
            round(time.monotonic() - began, 3),
            self._key,
            before,
            "" if reason else digest(job.output),
        )

    def close(self) -> None:
        """Free the session."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> TryOnSession:
        if self._session is None:
            self._session = self._wish.open()
        return self._session


class ProcessLane:
    """A worker in a process of this machine; see `Worker` for the arguments."""

    def __init__(self, wish: Wish, tone_map: bool) -> None:
        context = get_context("spawn")  # threads of the runtimes do not survive a fork
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, wish, tone_map), name="tryon-batch", daemon=True
        )
        self._process.start()
        theirs.close()  # so that the worker's end closes with the worker
        self._busy = False

    def run(self, job: Job) -> Outcome:
        """See `Lane`."""
        self._busy = True
        try:
            self._pipe.send(job)
            outcome: Outcome = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise WorkerLostError(how) from None
        self._busy = False
        return outcome

    def close(self) -> None:
        """See `Lane`."""
        if self._busy:
            self._process.terminate()
        else:
            self._pipe.close()  # the worker reads the end and leaves
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection, wish: Wish, tone_map: bool) -> None:
    """Body of a worker process: jobs in, outcomes out, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that files are put away
    worker = Worker(wish, tone_map)
    try:
        while True:
            pipe.send(worker.work(pipe.recv()))
    except (EOFError, OSError):
        pass  # the parent is done, or gone
    finally:
        worker.close()


def run_all(jobs: Iterable[Job], start: Callable[[], Lane], count: int) -> Iterator[Outcome]:
    """Do every job, each once or, when its worker dies, twice.

    Args:
        jobs: what to do.
        start: makes a worker; called on several threads.
        count: how many workers at a time.

    Yields:
        Outcomes as they come. Leaving early ends all workers.

    Raises:
        BaseException: what `start` raised.
    """
    waiting, lock = iter(jobs), Lock()
    outcomes: SimpleQueue[Outcome | BaseException | None] = SimpleQueue()
    stopped = Event()
    lanes: dict[int, Lane] = {}

    def next_job() -> Job | None:
        with lock:
            return None if stopped.is_set() else next(waiting, None)

    def attend(number: int) -> None:
        try:
            while (job := next_job()) is not None:
                outcomes.put(_tried(job, lanes, number, start, stopped))
        except BaseException as error:
            outcomes.put(error)
        outcomes.put(None)

    threads = [
        Thread(target=attend, args=(n,), name=f"tryon-lane-{n}", daemon=True) for n in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        running = count
        while running:
            item = outcomes.get()
            if isinstance(item, BaseException):
                raise item
            running -= item is None
            if item is not None:
                yield item
    finally:
        stopped.set()
        for lane in list(lanes.values()):
            lane.close()
        for thread in threads:
            thread.join(15)


def _tried(
    job: Job, lanes: dict[int, Lane], number: int, start: Callable[[], Lane], stopped: Event
) -> Outcome:
    """One job on the lane of this number, started when there is none."""
    lost = ""
    for _ in range(_TRIES):
        try:
            if number not in lanes:
                lanes[number] = start()
            outcome = lanes[number].run(job)
        except WorkerLostError as error:
            lost = f"its worker died ({error}) and it was given to another"
            lanes.pop(number).close()
            if stopped.is_set():
                break
        else:
            return replace(outcome, notes=(*outcome.notes, *([lost] if lost else [])))
    reason = lost.replace("it was given to another", "so did a second one; is memory short?")
    return Outcome(job.name, "failed", job.target, reason)
