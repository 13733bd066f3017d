"""The state of a run <-> a folder of small safetensors files: weights, averages, moments, counters.

Written beside the old one and then exchanged, so a killed run leaves a whole checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from tryon.errors import WeightsError
from tryon.models.shards import LIMIT, read_shards, write_shards
from tryon.models.weights import Manifest
from tryon.train.checkpoint import Progress, collect, restore


def save_state(
    folder: Path,
    own: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    model: nn.Module,
    progress: Progress,
    architecture: Mapping[str, object],
    limit: int = LIMIT,
) -> None:
    """Write a checkpoint.

    Args:
        folder: replaced as a whole.
        own: the model's tensors, without those that are loaded from elsewhere.
        average: the moving average of the parameters.
        optimizer: its moments are saved by parameter name.
        model: names the optimizer's parameters.
        progress: counters.
        architecture: configuration, with the `size` a manifest needs.
        limit: most bytes in a file.
    """
    tensors = collect(own, average, optimizer, model)
    about = Manifest(dict(architecture), {}, metrics=(asdict(progress),))
    partial, old = folder.with_suffix(".partial"), folder.with_suffix(".old")
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)
    write_shards(partial, tensors, about, dtype=None, limit=limit)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_state(
    folder: Path,
    model: nn.Module,
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    architecture: Mapping[str, object],
) -> Progress:
    """Restore what `save_state` wrote, in place.

    Returns:
        The counters.

    Raises:
        WeightsError: there is none, it is damaged, or of another architecture.
    """
    try:
        # Killed between the two renamings: the new one is whole, under its other name.
        partial = folder.with_suffix(".partial")
        tensors, manifest = read_shards(folder if folder.exists() else partial)
    except WeightsError as error:
        raise WeightsError(f"No usable checkpoint at {folder}; start without --resume.") from error
    if json.loads(json.dumps(manifest.architecture)) != json.loads(json.dumps(dict(architecture))):
        raise WeightsError(f"{folder} is of another architecture; start without --resume.")
    restore(tensors, model, average, optimizer, strict=False)
    return Progress(**manifest.metrics[0])
