"""`python -m tryon.batch`: put a look on every photo and video of a folder tree.

One line for each file, and a journal in the output folder by which a stopped batch goes on; a file
that cannot be made up never stops the others.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tryon import arguments as flags
from tryon.console import run_main

if TYPE_CHECKING:
    from tryon.batch_files import Outcome
    from tryon.batch_workers import Lane
    from tryon.offline import Wish

_THREADS = 2  # of one worker


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code: 1 if any file failed.
    """
    return run_main(_parser(), _run, flags.files_first(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon batch",
        description="Put the makeup of a photo on a folder of photos and videos.",
    )
    add = parser.add_argument
    add("input", type=Path, help="a folder; what it holds is found in its subfolders too")
    add("-o", "--output", type=Path, required=True, help="folder for the same tree, made up")
    flags.add_look_arguments(parser)
    flags.add_session_arguments(parser)
    add("--workers", type=flags.whole(1, 1024), metavar="N", help="files at a time (default: fit)")
    add("--ray", metavar="ADDRESS", help="work on a Ray cluster; auto: the local one, or a new one")
    add("--tone-map", action="store_true", help="bring HDR to BT.709 instead of refusing it")
    add("--overwrite", action="store_true", help="replace files that are not from this batch")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from tryon.batch_files import Journal, Outcome, find_jobs
    from tryon.batch_workers import run_all
    from tryon.errors import MediaError
    from tryon.offline import Wish

    output = arguments.output
    jobs, others = find_jobs(arguments.input, output)
    (look,) = flags.load_looks(arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = min(_THREADS, max(1, (cores or 1) // (arguments.workers or 1)))
    wish = Wish.of(arguments, look, threads)
    journal = Journal(output, wish.key)
    counts: Counter[str] = Counter()
    with tqdm(total=len(jobs), unit="file", disable=None, file=sys.stderr) as bar:

        def tell(outcome: Outcome) -> None:
            journal.add(outcome)
            counts[outcome.status] += 1
            what = "; ".join([outcome.reason] if outcome.reason else outcome.notes)
            bar.write(f"{outcome.status:7} {outcome.name}{': ' if what else ''}{what}")
            bar.update()

        todo = []
        for job in jobs:
            done = journal.finished(job)
            if done is not None:
                tell(done)
            elif job.output.exists() and not (arguments.overwrite or journal.ours(job)):
                reason = f"{job.output} exists and is not from this batch; pass --overwrite"
                tell(Outcome(job.name, "failed", job.target, reason))
            else:
                todo.append(job)
        if todo:
            start, cpus, end = _workers(arguments, wish, cores or 1)
            try:
                count = min(len(todo), arguments.workers or max(1, cpus // threads))
                for outcome in run_all(todo, start, count):
                    tell(outcome)
            finally:
                end()
    ignored = f", {others} other files" if others else ""
    print(
        f"{output}: {counts['ok']} ok, {counts['skipped']} done before, "
        f"{counts['failed']} failed{ignored}; report: {journal.path}"
    )
    if counts["failed"]:
        raise MediaError(f"{counts['failed']} of {len(jobs)} files failed; the reasons are above")


def _workers(
    arguments: argparse.Namespace, wish: Wish, cores: int
) -> tuple[Callable[[], Lane], int, Callable[[], None]]:
    """What starts a worker, how many CPUs there are, and what is to be called at the end."""
    if arguments.ray is None:
        from tryon.batch_workers import ProcessLane

        return lambda: ProcessLane(wish, arguments.tone_map), cores, lambda: None
    from tryon.batch_ray import RayLane, connect, disconnect

    cpus = connect(arguments.ray)
    return lambda: RayLane(wish, arguments.tone_map), cpus, disconnect


if __name__ == "__main__":
    sys.exit(main())
