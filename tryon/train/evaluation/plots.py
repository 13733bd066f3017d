"""Plots of an evaluation: quality against intensity, bars by skin tone, flicker over time.

Each function draws one file from results; matplotlib is imported here alone, when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from tryon.errors import MissingExtraError
from tryon.train.evaluation.controls import Step
from tryon.train.evaluation.fairness import FairnessResult
from tryon.train.evaluation.video import Clip
from tryon.train.metrics import ITA_BINS

BARE, WORN = "#8a8f98", "#b3224d"
TONES = dict(
    zip(
        (name for name, _ in ITA_BINS),
        ("#f3dcc9", "#e5bd9b", "#cf9a70", "#ad7648", "#7d5030", "#46301f"),
        strict=True,
    )
)


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError('plots need matplotlib; pip install "tryon[train]"') from None
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def plot_intensity(steps: Sequence[Step], path: Path) -> None:
    """Four curves against the intensity."""
    figure, axes = _figure(1, 4, 13, 3)
    shown = (
        ("change", "change inside the face, levels"), ("lip_de", "lips to reference, ΔE2000"),
        ("lid_de", "lids to reference, ΔE2000"), ("drift", "unpainted skin, ΔE2000"),
    )  # fmt: skip
    for axis, (name, title) in zip(axes[0], shown, strict=True):
        axis.plot(
            [step.intensity for step in steps], [getattr(step, name) for step in steps],
            "o-", color=WORN,
        )  # fmt: skip
        axis.set(title=title, xlabel="intensity", ylim=(0, None))
        axis.grid(alpha=0.3)
    figure.savefig(path)


def plot_fairness(result: FairnessResult, path: Path) -> None:
    """A small bar chart for each figure, bins from light to dark."""
    columns = 4
    count = max(1, -(-len(result.rows) // columns))
    figure, axes = _figure(count, columns, 14, 2.6 * count)
    for axis in axes.flat[len(result.rows) :]:
        axis.set_axis_off()
    for axis, row in zip(axes.flat, result.rows, strict=False):
        bars = axis.bar(
            [one.tone.replace(" ", "\n") for one in row.bins], [one.value for one in row.bins],
            color=[TONES[one.tone] for one in row.bins], edgecolor="#444", linewidth=0.6,
        )  # fmt: skip
        axis.bar_label(bars, [f"n={one.samples}" for one in row.bins], fontsize=6)
        ratio = (
            ""
            if isnan(row.worst_to_best)
            else f"  {row.worst_to_best:.2f} (chance {row.chance:.2f})"
        )
        axis.set_title(row.name + ratio, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.margins(y=0.15)
    figure.savefig(path)


def plot_flicker(films: Sequence[Clip], path: Path) -> None:
    """Change from frame to frame without motion: the bare film, and the one with makeup."""
    figure, axes = _figure(len(films), 1, 10, 2.4 * len(films))
    for axis, film in zip(axes[:, 0], films, strict=True):
        axis.plot([change.bare for change in film.series], color=BARE, label="untouched")
        axis.plot([change.worn for change in film.series], color=WORN, label="with makeup")
        axis.plot([change.layer for change in film.series], ":", color=WORN, label="makeup alone")
        axis.set_title(f"{film.name}: {film.flicker:.3f} of the untouched film", fontsize=9)
        axis.set(ylabel="levels", ylim=(0, None))
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=7, ncols=3)
    axes[-1, 0].set_xlabel("frame")
    figure.savefig(path)
