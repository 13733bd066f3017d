"""Writing a file in one piece: it appears under its name when it is complete, or not at all.

It knows bytes and paths only; the callers turn its `OSError` into words of their own.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write the bytes beside the target, then rename; whatever happens, no partial file is left.

    Raises:
        OSError: the file cannot be written.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            temporary.unlink()
        raise
