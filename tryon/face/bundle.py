"""The MediaPipe Face Landmarker bundle that ships with the package: its path and its networks.

It is read from the package only, its SHA-256 is checked once, and nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from tryon.errors import WeightsError

SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

Network = Literal["face_detector", "face_landmarks_detector", "face_blendshapes"]


@cache
def bundle_path() -> Path:
    """Path of the verified bundle.

    Raises:
        WeightsError: the bundle is missing or is not the official one.
    """
    path = Path(str(files("tryon.face") / "assets" / "face_landmarker.task"))
    verify(path)
    return path


def verify(path: Path) -> None:
    """Check that a file is the official bundle.

    Raises:
        WeightsError: the file is missing, unreadable, or its SHA-256 differs.
    """
    remedy = "reinstall the package: pip install --force-reinstall --no-deps tryon"
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the face networks {path} ({error}); {remedy}") from error
    if digest != SHA256:
        raise WeightsError(f"the face networks {path} are damaged (SHA-256 {digest}); {remedy}")


def network(name: Network) -> bytes:
    """The TFLite file of one network of the bundle.

    Raises:
        WeightsError: see `bundle_path`.
    """
    with zipfile.ZipFile(bundle_path()) as bundle:
        return bundle.read(f"{name}.tflite")
