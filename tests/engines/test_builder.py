"""A build beside the session: its lines come at once, its faults are told, and it outlives us."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tryon.engines import builder
from tryon.errors import EngineError


def program(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put a program in the place of the build."""
    monkeypatch.setattr(builder, "COMMAND", (sys.executable, "-c", text))


def test_lines_come_while_it_builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    waits = (
        "import sys, time; from pathlib import Path\n"
        "assert sys.argv[1] == '--model'\n"
        "print('engine 1', flush=True)\n"
        "for _ in range(6000):\n"
        "    if (Path(sys.argv[2]) / 'heard').exists(): break\n"
        "    time.sleep(0.01)\n"
        "print('warnings of a library', file=sys.stderr)\n"
        "print('engine 2', flush=True)\n"
    )
    program(monkeypatch, waits)
    lines = builder.build_apart(tmp_path)
    assert "goes on if this one ends" in next(lines)
    assert next(lines) == "engine 1"
    (tmp_path / "heard").touch()
    assert list(lines) == ["engine 2"]


def test_a_failed_build_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fails = "import sys; print('warning', file=sys.stderr); sys.exit('error: no memory.')"
    program(monkeypatch, fails)
    with pytest.raises(EngineError, match=r"^The build failed: no memory\.$"):
        list(builder.build_apart(tmp_path))
    program(monkeypatch, "import os; os.abort()")
    with pytest.raises(EngineError, match="exit code"):
        list(builder.build_apart(tmp_path))


def test_it_ends_its_work_when_nobody_is_left(tmp_path: Path) -> None:
    """The real command's way of printing, in a process whose parent has gone."""
    works = (
        "import sys, time; from pathlib import Path; from tryon.engines.__main__ import _say\n"
        "_say('engine 1')\n"
        "for _ in range(6000):\n"
        "    if (Path(sys.argv[2]) / 'alone').exists(): break\n"
        "    time.sleep(0.01)\n"
        "_say('engine 2'); (Path(sys.argv[2]) / 'stored').touch()\n"
    )
    parent = (
        "import sys; from pathlib import Path; from tryon.engines import builder\n"
        f"builder.COMMAND = (sys.executable, '-c', {works!r})\n"
        "lines = builder.build_apart(Path(sys.argv[1])); print(next(lines), next(lines))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", parent, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("engine 1\n")
    (tmp_path / "alone").touch()
    until = time.monotonic() + 60
    while not (tmp_path / "stored").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
