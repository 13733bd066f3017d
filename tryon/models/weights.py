"""Files of a trained model <-> checked bytes: weights, runtime graphs and the manifest with hashes.

A file whose SHA-256 is not the manifest's is never used. Torch is imported only to build or save
a `TryOnModel`; reading graphs does without.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryon.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from tryon.models.student import TryOnModel

MANIFEST = "manifest.json"
WEIGHTS = "student.safetensors"
VERSION = 1
STUDENT_DIR = Path(__file__).parent / "assets" / "student"
"""The student that ships with the package."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder holds and where it came from."""

    architecture: Mapping[str, Any]  # fields of StudentConfig
    files: Mapping[str, str]  # file name -> SHA-256, of every file but this one
    licence: str = "Apache-2.0"
    commit: str = ""  # of the training code
    data: tuple[str, ...] = ()  # what it was trained on
    metrics: tuple[Mapping[str, Any], ...] = ()  # held-out scores
    int8: Mapping[str, float] = field(default_factory=dict)  # its quality; empty without int8 files
    version: int = VERSION

    @property
    def size(self) -> int:
        """Atlas side the graphs are made for."""
        return int(self.architecture["size"])


def sha256(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read a model folder's manifest.

    Raises:
        WeightsError: it is missing or malformed.
    """
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["data"], values["metrics"] = tuple(values["data"]), tuple(values["metrics"])
        manifest = Manifest(**values)
        known = manifest.version == VERSION and manifest.size > 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"No usable model at {path}; reinstall tryon.") from error
    if not known:
        raise WeightsError(f"{path} is of version {manifest.version}; upgrade tryon.")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest next to the files it names."""
    temporary = folder / (MANIFEST + ".partial")
    temporary.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, folder / MANIFEST)


def verified_bytes(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Read a file of a model folder.

    Args:
        folder: the model folder.
        manifest: its manifest.
        name: a file the manifest lists.

    Returns:
        The file's bytes; the very bytes that were checked, not a second read.

    Raises:
        WeightsError: the file is not listed, missing, or not the one that was shipped.
    """
    if name not in manifest.files:
        raise WeightsError(f"The model in {folder} has no {name}; export it again.")
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise WeightsError(f"{folder / name} cannot be read; reinstall tryon.") from error
    if sha256(data) != manifest.files[name]:
        raise WeightsError(f"{folder / name} does not match its SHA-256; reinstall tryon.")
    return data


def save_weights(folder: Path, model: TryOnModel) -> None:
    """Write a model's parameters in float16; the manifest is the caller's next step."""
    from safetensors.torch import save_file

    tensors = {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS)


def save_model(folder: Path, model: TryOnModel, about: Manifest) -> None:
    """Write a model's parameters in float16, and its manifest: what `load_model` reads."""
    save_weights(folder, model)
    files = {WEIGHTS: sha256((folder / WEIGHTS).read_bytes())}
    write_manifest(folder, replace(about, files=files))


def load_model(folder: Path = STUDENT_DIR) -> TryOnModel:
    """Build the model of a folder, in evaluation mode, float32, on the CPU.

    Raises:
        WeightsError: files are missing, changed, or do not fit the architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from tryon.models.student import StudentConfig, TryOnModel

    manifest = read_manifest(folder)
    data = verified_bytes(folder, manifest, WEIGHTS)
    try:
        model = TryOnModel(StudentConfig(**manifest.architecture))
        model.load_state_dict({key: value.float() for key, value in load(data).items()})
    except (SafetensorError, RuntimeError, TypeError, ConfigError) as error:
        raise WeightsError(f"{folder / WEIGHTS} does not fit its manifest; reinstall.") from error
    return model.eval()
