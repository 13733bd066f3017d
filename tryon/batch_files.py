"""What a batch has to do and has done: a folder tree into jobs, and a journal of their outcomes.

The journal is the report for people and the memory for the next run: an output counts as done only
while its bytes, its input and the wish are those that the journal names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from tryon.errors import ConfigError, ImageError

JOURNAL = "tryon-batch.jsonl"  # in the output folder
_PHOTOS = {".jpg", ".jpeg", ".png", ".webp"}
_VIDEOS = set(".mp4 .mov .mkv .m4v .avi .webm .mpg .mpeg .ts .mts .m2ts .wmv .flv .3gp".split())
_WRITTEN = {*_PHOTOS, ".mp4", ".mov", ".mkv", ".m4v"}  # other suffixes get one of these added


@dataclass(frozen=True, slots=True)
class Job:
    """One file to be made up."""

    name: str  # of the source in the input folder, with /
    source: Path
    output: Path
    target: str  # of the output in the output folder, with /
    video: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job; one line of the journal."""

    name: str
    status: str  # ok, skipped (done before), failed
    output: str  # path in the output folder, with /
    reason: str = ""  # why it failed
    notes: tuple[str, ...] = ()  # what the user should know
    frames: int = 0  # of a video
    seconds: float = 0.0  # of work
    key: str = ""  # of the wish, see `Wish.key`
    source: str = ""  # size and time of the input
    digest: str = ""  # SHA-256 of the output


def find_jobs(folder: Path, output: Path) -> tuple[list[Job], int]:
    """Photos and videos in a folder tree, in order of their names.

    Args:
        folder: where to look; hidden files and the output folder are passed over.
        output: where the same tree will be written.

    Returns:
        The jobs, and how many other files there are.

    Raises:
        ImageError: The folder cannot be read or holds nothing to do.
        ConfigError: Two files would be written to one.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder; give a folder of photos and videos")
    jobs: list[Job] = []
    others = 0
    for path in _files(folder, output.resolve()):
        kind, inner = path.suffix.lower(), path.relative_to(folder)
        if kind not in _PHOTOS | _VIDEOS:
            others += 1
            continue
        target = inner if kind in _WRITTEN else inner.with_name(inner.name + ".mp4")
        jobs.append(
            Job(inner.as_posix(), path, output / target, target.as_posix(), kind in _VIDEOS)
        )
    if not jobs:
        raise ImageError(f"{folder} holds no photo or video; give JPEG, PNG, WebP or video files")
    seen: dict[Path, Job] = {}
    for job in jobs:
        if job.output in seen:
            raise ConfigError(
                f"{seen[job.output].name} and {job.name} would both be written to "
                f"{job.target}; rename one"
            )
        seen[job.output] = job
    return jobs, others


def _files(folder: Path, leave_out: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(f for f in folders if f[0] != "." and (here / f).resolve() != leave_out)
        yield from (here / name for name in sorted(names) if name[0] != ".")


class Journal:
    """The outcomes of all runs into one output folder, one JSON object a line; the last counts.

    Args:
        folder: The output folder; made if need be.
        key: Of this run's wish.

    Raises:
        ImageError: It cannot be written.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / JOURNAL
        self._key = key
        self._last: dict[str, dict[str, object]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+", encoding="utf-8") as file:
                file.seek(0)
                lines = file.read().splitlines(keepends=True)
                if lines and not lines[-1].endswith("\n"):
                    file.write("\n")  # a killed run may have left half a line
        except OSError as error:
            raise ImageError(f"cannot write into {folder}: {error.strerror or error}") from None
        for line in lines:
            try:
                record = json.loads(line)
                self._last[record["name"]] = record
            except (ValueError, TypeError, KeyError):
                continue

    def add(self, outcome: Outcome) -> None:
        """Append one outcome."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")

    def finished(self, job: Job) -> Outcome | None:
        """The outcome `skipped` for a job whose output an earlier run left whole; else None."""
        known = self._last.get(job.name, {})
        same = known.get("key") == self._key and known.get("source") == stamp(job.source)
        if not same or not job.output.is_file() or digest(job.output) != known.get("digest"):
            return None
        return Outcome(
            job.name,
            "skipped",
            job.target,
            frames=int(str(known.get("frames", 0))),
            key=self._key,
            source=stamp(job.source),
            digest=str(known["digest"]),
        )

    def ours(self, job: Job) -> bool:
        """Whether an output under the job's name would be from an earlier run."""
        return self._last.get(job.name, {}).get("digest", "") != ""


def stamp(path: Path) -> str:
    """Size and time of a file, which tell whether it was changed; "" if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()
