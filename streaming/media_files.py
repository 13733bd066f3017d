"""Which files may be read and written, and the codec library's errors in words.

Only local files are opened, by names that cannot be taken for anything else, and an output that
must not be written is refused before any work is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from tryon.errors import MediaError

SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")  # of what is written
# Demuxers of files that hold their pictures themselves; playlists, which name other files and
# addresses, are left out.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,apng,nut,mxf,ivf,h264,hevc,"
    "obu,yuv4mpegpipe,dv,rm,image2,png_pipe,jpeg_pipe,webp_pipe,aac,mp3,wav,flac"
)


def local_path(value: str | PathLike[str]) -> Path:
    """Check that a path names a local file.

    Args:
        value: What the user gave.

    Returns:
        The path.

    Raises:
        MediaError: It is missing, a folder, empty, or a protocol string such as `http://`.
    """
    path = Path(value)
    if not path.exists():
        # Two letters at least, so that a Windows drive is not taken for a protocol.
        if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:", str(value)):
            raise MediaError(f"{value} is not a local file; download it first")
        raise MediaError(f"{value} does not exist; check the path")
    if not path.is_file():
        raise MediaError(f"{value} is not a file; give a video file")
    if path.stat().st_size == 0:
        raise MediaError(f"{value} is empty; copy or record it again")
    return path


def open_container(path: Path) -> Any:
    """Open a local file for demuxing, with every other protocol switched off.

    Raises:
        MediaError: It is not a media file.
    """
    import av

    try:
        # "file:" keeps a name such as "concat:x" or "-x" from being anything but a name.
        return av.open(
            f"file:{path}", options={"protocol_whitelist": "file", "format_whitelist": _FORMATS}
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} cannot be read as a video ({_reason(error)}); "
            "it may be damaged or of another kind"
        ) from error


def check_output(
    path: str | PathLike[str], *, source: Path | None = None, overwrite: bool = False
) -> Path:
    """Refuse an output that cannot or must not be written, before any work is done.

    Args:
        path: Where the video shall go.
        source: The input, which must not be overwritten.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MediaError: The suffix is unknown, the folder missing, the file exists, or it is the
            input itself.
    """
    out = Path(path)
    if out.suffix.lower() not in SUFFIXES:
        raise MediaError(f"{out} has no video suffix; use one of {', '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise MediaError(f"folder {out.parent} does not exist; create it first")
    if out.is_dir():
        raise MediaError(f"{out} is a folder; give a file name")
    if out.exists():
        if source is not None and out.samefile(source):
            raise MediaError(f"{out} is the input itself; choose another output")
        if not overwrite:
            raise MediaError(f"{out} exists; choose another output or pass --overwrite")
    return out


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Re-raise the codec library's and the system's errors as one line with a remedy."""
    import av

    try:
        yield
    except MediaError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"cannot write {path} ({reason}); check the free space and the folder"
        ) from error


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
