"""TensorRT engines built by a process of their own, which outlives the session that wants them.

A build takes minutes: inside a session it would be lost with it, and could crash the end of the
interpreter. It turns a model folder into lines of progress; the engines lie in the cache.

Tested without a GPU, with other programs in the place of the build.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tryon.errors import EngineError

COMMAND = (sys.executable, "-m", "tryon.engines", "build")

Builder = Callable[[Path], Iterator[str]]
"""Model folder -> lines of progress, until every engine is in the cache."""


def build_apart(folder: Path) -> Iterator[str]:
    """Build the engines that are missing, in another process.

    Args:
        folder: the model folder.

    Yields:
        Lines of progress. The process ends when it is done, whether or not anybody listens.

    Raises:
        EngineError: the build failed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as faults:
        process = subprocess.Popen(
            [*COMMAND, "--model", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=faults,  # libraries talk there; only the last line matters
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C ends the session, not the build; so on Windows
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        yield f"TensorRT: process {process.pid} builds engines; it goes on if this one ends"
        assert process.stdout is not None
        for line in process.stdout:
            yield line.rstrip()
        if code := process.wait():
            faults.seek(0)
            said = [line for line in faults if line.startswith("error: ")]
            fault = said[-1].removeprefix("error: ").strip() if said else f"exit code {code}"
            raise EngineError(f"The build failed: {fault}")
