"""The state of a training run <-> one safetensors file: parameters, averages, optimizer, counters.

Written atomically and without pickle, so a killed run leaves the last whole checkpoint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tryon.errors import WeightsError

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
    *,
    strict: bool = True,
) -> None:
    """Put back what `collect` gathered, in place; `strict` wants every tensor of the model."""
    own = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    model.load_state_dict(own, strict=strict)
    for name, value in average.items():
        value.copy_(tensors[f"average.{name}"])
    for name, parameter in model.named_parameters():
        if f"optimizer.step.{name}" in tensors:
            state = {key: tensors[f"optimizer.{key}.{name}"] for key in _MOMENTS}
            for key in _MOMENTS[:2]:
                state[key] = torch.empty_like(parameter).copy_(state[key])
            optimizer.state[parameter] = state


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    progress: Progress,
    architecture: Mapping[str, object],
) -> None:
    """Write a checkpoint.

    Args:
        path: the file; replaced as a whole.
        model: its parameters are saved as `model.*`.
        average: the moving average of the parameters, saved as `average.*`.
        optimizer: its moments are saved as `optimizer.MOMENT.*`, by parameter name.
        progress: counters, saved as JSON in the header.
        architecture: the model's configuration, saved as JSON in the header.
    """
    tensors = collect(model.state_dict(), average, optimizer, model)
    header = {"progress": json.dumps(asdict(progress)), "architecture": json.dumps(architecture)}
    temporary = path.with_suffix(".partial")
    # Dense copies: safetensors refuses tensors that share or permute memory.
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    save_file(plain, temporary, metadata=header)
    os.replace(temporary, path)


def load_checkpoint(
    path: Path,
    model: nn.Module,
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    architecture: Mapping[str, object],
) -> Progress:
    """Restore what `save_checkpoint` wrote, in place.

    Returns:
        The counters.

    Raises:
        WeightsError: the file is missing, damaged, or of another architecture.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            if json.loads(header["architecture"]) != json.loads(json.dumps(architecture)):
                raise WeightsError(f"{path} is of another architecture; start without --resume.")
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError, KeyError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"No usable checkpoint at {path}; start without --resume.") from error
    restore(tensors, model, average, optimizer)
    return Progress(**json.loads(header["progress"]))
