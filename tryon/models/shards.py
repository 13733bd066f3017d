"""Named tensors <-> a folder of safetensors files of a limited size, each with its hash.

Made for places that take small files only. A file that is not the manifest's is never used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from tryon.errors import WeightsError
from tryon.models.weights import Manifest, read_manifest, sha256, verified_bytes, write_manifest

LIMIT = 15 * 2**20  # bytes of tensors in a file


def write_shards(
    folder: Path,
    tensors: Mapping[str, Tensor],
    manifest: Manifest,
    dtype: torch.dtype | None = torch.bfloat16,
    limit: int = LIMIT,
) -> Manifest:
    """Write tensors and their manifest.

    Args:
        folder: made if it is not there; shards of an earlier writing are removed.
        tensors: by name; shared memory is written once for each name.
        manifest: `files` is filled in here.
        dtype: of the floating-point tensors in the files; None keeps them.
        limit: most bytes of tensors in a file, unless one tensor alone is larger.

    Returns:
        The manifest as written.
    """
    groups: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in tensors.items():
        kept = value.detach().cpu()
        kept = (kept.to(dtype) if dtype and kept.is_floating_point() else kept).contiguous()
        if groups[-1] and size + kept.nbytes > limit:
            groups.append({})
            size = 0
        groups[-1][name] = kept.clone()
        size += kept.nbytes
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("shard-*.safetensors"):
        old.unlink()
    files = {}
    for index, part in enumerate(groups, 1):
        name = f"shard-{index:02d}-of-{len(groups):02d}.safetensors"
        save_file(part, folder / name)
        files[name] = sha256((folder / name).read_bytes())
    values = {n: getattr(manifest, n) for n in manifest.__dataclass_fields__} | {"files": files}
    written = Manifest(**values)
    write_manifest(folder, written)
    return written


def read_shards(folder: Path) -> tuple[dict[str, Tensor], Manifest]:
    """Read what `write_shards` wrote; floating-point tensors come as float32.

    Raises:
        WeightsError: a file is missing, changed or malformed.
    """
    manifest = read_manifest(folder)
    tensors: dict[str, Tensor] = {}
    for name in manifest.files:
        try:
            tensors |= load(verified_bytes(folder, manifest, name))
        except SafetensorError as error:
            raise WeightsError(f"{folder / name} is damaged; fetch it again.") from error
    return {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}, manifest
