"""The command: every check in turn, printed as it comes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tryon.console import one_line, run_main
from tryon.doctor import cameras, gpu, software
from tryon.doctor.finding import ABSENT, BROKEN, OK, Check, Finding

MARKS = {OK: "ok", ABSENT: "-", BROKEN: "BROKEN"}

CHECKS: tuple[Check, ...] = (
    software.python,
    software.packages,
    software.cpu,
    software.weights,
    software.kernels,
    gpu.gpu,
    gpu.tensorrt,
    gpu.cupy,
    gpu.engines,
    cameras.cameras,
    cameras.virtual_camera,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code: 1 if something is broken that wearing a look needs.
    """
    found: list[Finding] = []
    code = run_main(_parser(), lambda arguments: found.extend(_run(arguments)), argv)
    return code or int(any(finding.state == BROKEN for finding in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon doctor", description="What this machine can do, and what to install for more."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    return parser


def _run(arguments: argparse.Namespace) -> list[Finding]:
    found = []
    for finding in examine():
        found.append(finding)
        if not arguments.json:  # at once: some checks take seconds
            remedy = f": {finding.remedy}" if finding.remedy else ""
            print(f"{MARKS[finding.state]:8}{finding.name:18}{finding.text}{remedy}", flush=True)
    if arguments.json:
        healthy = all(finding.state != BROKEN for finding in found)
        print(json.dumps({"ok": healthy, "checks": [asdict(finding) for finding in found]}))
    return found


def examine() -> Iterator[Finding]:
    """Every check in turn; one that fails in an unforeseen way is a finding, too."""
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            yield from check()
        except Exception as error:
            yield Finding(name, BROKEN, one_line(error))
