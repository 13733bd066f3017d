"""Trains the network that sees what is in front of a face: hands, cups, hair, glasses, cloth.

`python -m tryon.train.occlusion --data covered.safetensors --out runs/occlusion --minutes 60`, on
what `tryon.train.covering` made. What it leaves is the graph that `tryon.face.occlusion` runs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tryon.config import add_arguments, from_arguments
from tryon.console import run_main
from tryon.cosmetics.brushes import BrushFields, brush_fields
from tryon.errors import ConfigError
from tryon.face.occlusion import OUTPUT, SHA256
from tryon.train.covered import KINDS, Covered
from tryon.train.disturb import misaligned, spread, uniform
from tryon.train.occlusion_net import OcclusionNet, export_graph
from tryon.train.run import Run
from tryon.train.run_config import RunConfig, of_process
from tryon.train.state import Progress
from tryon.train.variety import DataConfig

VARIETY = DataConfig(jitter=3.0)


@dataclass(frozen=True, slots=True)
class OcclusionTraining:
    """What is trained, on what; every field is a flag."""

    data: Path = Path("covered.safetensors")  # of `tryon.train.covering`
    batch: int = 24  # faces a step
    false_alarm: float = 2.0  # weight of calling a free texel hidden; a missed one has 1
    init: Path | None = None  # weights a new run starts from

    def __post_init__(self) -> None:
        if self.batch < 1 or self.false_alarm <= 0:
            raise ConfigError("use a batch of 1 or more and a false_alarm above 0.")


class OcclusionTask:
    """The network's `tryon.train.run.Task`."""

    def __init__(self, config: OcclusionTraining, run: RunConfig, model: OcclusionNet) -> None:
        self.config, self.run = config, run
        self.model: OcclusionNet = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        everything = Covered.load(config.data)
        self.train, self.val = everything.of(0), everything.of(1)
        self._rng = torch.Generator().manual_seed(run.seed)
        self._order = torch.empty(0, dtype=torch.long)
        fields = brush_fields(OUTPUT)
        self._weight = 1 + 2 * fields.lips + (fields.lash < 1.0).float() * fields.inside

    def loss(self, model: Callable[..., Any], step: int, done: float) -> Mapping[str, Tensor]:
        """Cross entropy and Dice on a batch."""
        del step, done
        texture, hidden, known = self._batch()
        logits = model(texture.contiguous(memory_format=torch.channels_last)).float()
        weight = known * self._weight
        entropy = F.binary_cross_entropy_with_logits(logits, hidden, reduction="none")
        dear = weight * (1 + (self.config.false_alarm - 1) * (1 - hidden))
        entropy = (entropy * dear).sum() / dear.sum().clamp_min(1.0)
        share, truth = logits.sigmoid() * weight, hidden * weight
        both = (share * hidden).sum((1, 2, 3))
        dice = 1 - (2 * both + 50) / (share.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 50)
        return {"total": entropy + 0.5 * dice.mean(), "entropy": entropy, "dice": dice.mean()}

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Texture, what is hidden and what is known, of the next faces in a shuffled round."""
        count = self.config.batch
        if len(self._order) < count:
            more = torch.randperm(len(self.train.split), generator=self._rng)
            self._order = torch.cat([self._order, more])
        chosen, self._order = self._order[:count], self._order[count:]
        return _varied(self.train, chosen, self._rng)

    def batch_size(self, done: float) -> int:
        """Faces in a step."""
        del done
        return self.config.batch

    def evaluate(self, progress: Progress) -> Mapping[str, object]:
        """What is found, and what is lost, on people never trained on."""
        del progress
        scores = judge(self.model, self.val)
        print("  ".join(f"{name} {value:.4f}" for name, value in scores.items()), flush=True)
        return scores

    def export(self, scores: Mapping[str, object]) -> None:
        """Write the weights, and the graph that the runtime takes; tell the hashes it asks for."""
        del scores
        torch.save(self.model.state_dict(), self.run.out / "occlusion.pt")
        export_graph(self.model, self.run.out)
        for end in SHA256:
            data = (self.run.out / f"occlusion{end}").read_bytes()
            print(f"occlusion{end} {hashlib.sha256(data).hexdigest()}", flush=True)

    def own_state(self) -> Mapping[str, Tensor]:
        """All of it."""
        return self.model.state_dict()

    def architecture(self) -> Mapping[str, object]:
        """What a checkpoint must match."""
        return {"size": OUTPUT, "parameters": sum(p.numel() for p in self.model.parameters())}


def _varied(faces: Covered, chosen: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Some faces, mirrored, shifted and in another light at random."""
    count = len(chosen)
    names = ("texture", "hidden", "known")
    packed = torch.cat([getattr(faces, name)[chosen] for name in names], 1).float() / 255
    packed = torch.where(uniform((count, 1, 1, 1), rng) < 0.5, packed.flip(-1), packed)
    packed, _ = misaligned(packed, packed[:, :0], VARIETY, rng)
    colour, rest = packed[:, :3], packed[:, 3:]
    gain = torch.exp(0.2 * spread((count, 1, 1, 1), rng) + 0.08 * spread((count, 3, 1, 1), rng))
    contrast = torch.exp(0.25 * spread((count, 1, 1, 1), rng))
    noise = 0.02 * uniform((count, 1, 1, 1), rng) ** 2
    colour = ((colour * gain - 0.4) * contrast + 0.4).clamp(0, 1)
    colour = colour + noise * torch.randn(colour.shape, generator=rng)
    inside = brush_fields(OUTPUT).inside
    return torch.cat([colour.clamp(0, 1) * inside, rest[:, :1]], 1), rest[:, 1:2], rest[:, 2:3]


@torch.no_grad()
def judge(model: nn.Module, faces: Covered, threshold: float = 0.5) -> dict[str, float]:
    """What is found of hands and things, and what is lost of faces; all shares, 0..1.

    `found`, `sure` (of what is called hidden, what is) and `lips` (found of lips that are hidden)
    for each kind; `lost` of lips, lids and skin that are free, with nothing in front of the face
    (bare, made up) and beside something (`free`).
    """
    model.eval()
    parts = [_read(model, faces, i) for i in range(0, len(faces.split), 50)]
    found, hidden, known = (torch.cat([p[k] for p in parts]) for k in range(3))
    fields = brush_fields(OUTPUT)
    called = (found > threshold).float() * known
    truth = (hidden > 0.5).float() * known
    free = (hidden < 0.1).float() * known
    scores = {}
    for number, kind in enumerate(KINDS[1:], 1):
        on = faces.kind == number
        both = called[on] * truth[on]
        scores[f"found_{kind}"] = _share(both, truth[on])
        scores[f"sure_{kind}"] = _share(called[on] * (hidden[on] > 0.1), called[on])
        scores[f"lips_{kind}"] = _share(both * fields.lips, truth[on] * fields.lips)
    groups = {
        "bare": (faces.kind == 0) & (faces.painted == 0),
        "made_up": (faces.kind == 0) & (faces.painted == 1),
        "free": faces.kind != 0,
    }
    for name, on in groups.items():
        for part, mask in regions(fields).items():
            area = free[on] * mask
            scores[f"{part}_lost_{name}"] = _share(called[on] * area, area)
    return scores


def regions(fields: BrushFields) -> dict[str, Tensor]:
    """Masks (1, 1, S, S) of the parts whose loss is watched."""
    lids = (fields.lash < 1.0).float() * fields.above * fields.inside
    return {"lips": fields.lips, "lids": lids, "skin": fields.face}


def _read(model: nn.Module, faces: Covered, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """What the model finds, what is hidden and where that is known, of 50 faces."""
    part = slice(first, first + 50)
    texture, hidden = (getattr(faces, n)[part].float() / 255 for n in ("texture", "hidden"))
    known = torch.maximum((faces.known[part] > 127).float(), (hidden > 0.5).float())
    found = model(texture.contiguous(memory_format=torch.channels_last)).float().sigmoid()
    return found, hidden, known * (texture[:, 3:] > 0.5) * brush_fields(OUTPUT).inside


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part.sum() / whole.sum().clamp_min(1e-6))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.occlusion", description=__doc__)
    for kind in (RunConfig, OcclusionTraining):
        add_arguments(parser, kind)
    parser.set_defaults(out=Path("runs/occlusion"), rate=3e-3, average=0.999)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    run, config = (
        of_process(from_arguments(parsed, RunConfig)),
        from_arguments(parsed, OcclusionTraining),
    )
    torch.manual_seed(run.seed)
    model = OcclusionNet()
    if config.init:
        model.load_state_dict(torch.load(config.init, weights_only=True))
    Run(run, OcclusionTask(config, run, model))()


if __name__ == "__main__":
    sys.exit(main())
