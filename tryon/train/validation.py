"""Held-out scores while training: a model and pairs it never saw -> PSNR and a sheet of samples.

It never trains and never changes the model it is given; `evaluate` measures a finished one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from tryon.train.losses import composite
from tryon.train.metrics import PsnrMeter, Score
from tryon.train.pairs import PairBatch
from tryon.types import UInt8

Predict = Callable[[Tensor, Tensor], Tensor]
"""(source (B, 4, A, A), reference (B, 4, A, A)) -> layer (B, 6, A, A)."""


@torch.no_grad()
def evaluate(predict: Predict, batches: Iterable[PairBatch]) -> tuple[Score, ...]:
    """Score a model.

    Args:
        predict: the model, or any function like it.
        batches: held-out pairs.

    Returns:
        PSNR in the makeup mask: over all, per region, per skin-tone bin.
    """
    meter = PsnrMeter()
    for batch in batches:
        meter.add(batch, composite(batch.source, predict(batch.source, batch.reference).float()))
    return meter.scores()


@torch.no_grad()
def sample_sheet(predict: Predict, batch: PairBatch, rows: int = 8) -> UInt8:
    """Draw pairs for the eye.

    Args:
        predict: the model.
        batch: pairs to show.
        rows: at most so many pairs.

    Returns:
        (rows * A, 4 * A, 3) uint8 RGB; a row is source, reference, target, output.
    """
    source, reference = batch.source[:rows], batch.reference[:rows]
    worn = composite(source, predict(source, reference).float())
    cells = torch.cat((source[:, :3], reference[:, :3], batch.target[:rows], worn), dim=3)
    picture = cells.permute(0, 2, 3, 1).reshape(-1, cells.shape[3], 3)
    levels = (picture.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8)
    sheet: UInt8 = levels.cpu().numpy()
    return sheet


def table(scores: Iterable[Score]) -> str:
    """Scores as a Markdown table, for a log or a model card."""
    lines = [
        "| group | faces | do nothing, dB | student, dB | gain, dB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {s.group} | {s.faces} | {s.psnr_nothing:.2f} | {s.psnr:.2f} | {s.gain:+.2f} |"
        for s in scores
    ]
    return "\n".join(lines)
