"""The state of a run <-> a folder of small safetensors files: weights, averages, moments, counters.

No pickle. Written beside the old one and then exchanged, so a killed run leaves a whole checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tryon.errors import WeightsError
from tryon.models.shards import LIMIT, read_shards, write_shards
from tryon.models.weights import Manifest

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0  # wall time spent training, over all resumes


def collect(
    own: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    model: nn.Module,
) -> dict[str, Tensor]:
    """The tensors of a run under one name each: `model.*`, `average.*`, `optimizer.MOMENT.*`.

    Args:
        own: the model's tensors that are kept.
        average: the moving average of the parameters.
        optimizer: its moments go by parameter name.
        model: names the optimizer's parameters.
    """
    tensors = {f"model.{name}": value for name, value in own.items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    for name, parameter in model.named_parameters():
        for key in _MOMENTS:
            if parameter in optimizer.state:
                tensors[f"optimizer.{key}.{name}"] = optimizer.state[parameter][key]
    return tensors


def restore(
    tensors: Mapping[str, Tensor],
    model: nn.Module,
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
) -> None:
    """Put back what `collect` gathered, in place; tensors loaded from elsewhere stay."""
    own = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    model.load_state_dict(own, strict=False)
    for name, value in average.items():
        value.copy_(tensors[f"average.{name}"])
    for name, parameter in model.named_parameters():
        if f"optimizer.step.{name}" in tensors:
            state = {key: tensors[f"optimizer.{key}.{name}"] for key in _MOMENTS}
            for key in _MOMENTS[:2]:
                state[key] = torch.empty_like(parameter).copy_(state[key])
            optimizer.state[parameter] = state


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
    restore(tensors, model, average, optimizer)
    return Progress(**manifest.metrics[0])
