"""Where the weights lie that not every copy has: a teacher's, and the makeup encoder's.

They are found by their manifests alone; nothing is loaded here, and PyTorch is not needed.
"""

from __future__ import annotations

from pathlib import Path

from tryon.errors import WeightsError
from tryon.models.weights import MANIFEST, read_manifest

ASSETS = Path(__file__).parent / "assets"
"""Beside the student: `teacher-NAME` for each teacher that ships, and `makeup-encoder`."""


def teacher_folder(given: Path | None = None) -> Path:
    """The folder of a teacher's weights.

    Args:
        given: chosen by the user; None takes the one that ships, the finest if there are several.

    Raises:
        WeightsError: there is none; the message names the remedy.
    """
    if given is not None:
        return _checked(given, "a teacher")
    shipped = [path.parent for path in sorted(ASSETS.glob(f"teacher-*/{MANIFEST}"))]
    if not shipped:
        raise WeightsError(
            "no teacher ships with this copy of tryon; train one (python -m tryon.train.teacher) "
            "and give its folder: --teacher-weights RUN/teacher"
        )
    return max(shipped, key=lambda folder: read_manifest(folder).size)


def encoder_folder(given: Path | None = None) -> Path:
    """The folder of the makeup encoder's weights.

    Args:
        given: chosen by the user; None takes the one that ships.

    Raises:
        WeightsError: there is none; the message names the remedy.
    """
    if given is not None:
        return _checked(given, "a makeup encoder")
    folder = ASSETS / "makeup-encoder"
    if not (folder / MANIFEST).is_file():
        raise WeightsError(
            "no makeup encoder ships with this copy of tryon; train one (python -m "
            "tryon.train.encoder) and give its folder: --encoder RUN/encoder"
        )
    return folder


def _checked(folder: Path, what: str) -> Path:
    if not (folder / MANIFEST).is_file():
        raise WeightsError(
            f"{folder} holds no {MANIFEST}; give the folder of {what} that a training run wrote"
        )
    return folder
