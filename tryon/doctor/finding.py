"""One line of the doctor's report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

OK, ABSENT, BROKEN = "ok", "absent", "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: str  # ok; absent: something optional; broken: something the main job needs
    text: str  # what was found
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]


def absent(name: str, problem: str) -> Finding:
    """A finding from one line `what: remedy`."""
    text, _, remedy = problem.rpartition(": ")
    return Finding(name, ABSENT, text or problem, remedy if text else "")


def version_of(package: str) -> str:
    """Of a package that is installed; empty where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
