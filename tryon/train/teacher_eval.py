"""A teacher and pairs it never saw -> how right its layers are, and how much leaks between regions.

It draws what it scored, and never trains. LPIPS is left out: it needs a pretrained image network.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from tryon.models.mesh_render import atlas_mesh
from tryon.models.sampling import SampleConfig, region_mask, sample
from tryon.models.teacher import Condition, Makeup, Teacher
from tryon.models.tokens import TOKEN_REGIONS, group_masks
from tryon.train.evaluation.structure import ssim_maps
from tryon.train.losses import composite, made_up
from tryon.train.metrics import PsnrMeter
from tryon.train.pairs import PairBatch

EVERYWHERE = dict.fromkeys(TOKEN_REGIONS, 1.0)
ROWS = 12  # of the sheet
LEAK_PAIRS = 8
"""Pairs that leakage is measured on: it costs five samplings for one of the other figures."""


@dataclass(slots=True)
class _Tally:
    """What is counted of one number of denoising steps."""

    psnr: PsnrMeter = field(default_factory=PsnrMeter)
    ssim: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    moved: Tensor = field(default_factory=lambda: torch.zeros(len(TOKEN_REGIONS)))
    leaked: Tensor = field(default_factory=lambda: torch.zeros(len(TOKEN_REGIONS)))
    seconds: float = 0.0


def judge(
    teacher: Teacher,
    batches: Iterable[PairBatch],
    steps: Sequence[int],
    pairs: int,
    sheet: Path | None = None,
    leak_pairs: int = LEAK_PAIRS,
) -> Mapping[str, object]:
    """Score a teacher; `table` shows what it found.

    Args:
        teacher: in evaluation mode.
        batches: held-out pairs.
        steps: numbers of denoising steps to score.
        pairs: at most so many pairs.
        sheet: where to draw: source, reference, target, then the result of each number of steps.
        leak_pairs: pairs that leakage is measured on.

    Returns:
        By number of steps (0: nothing done): in-mask PSNR in dB by group; in-mask SSIM; seconds a
        face; leakage, the change where the source's makeup stays over that in the region asked for.
    """
    tallies = {n: _Tally() for n in steps}
    rows: list[Tensor] = []
    count = 0
    for batch in batches:
        if count >= pairs:
            break
        batch = batch.pick(slice(pairs - count))
        makeup = teacher.look(batch.reference if _atlas(teacher) else batch.reference[:, :3])
        cells = [batch.source[:, :3], batch.reference[:, :3], batch.target]
        for n, tally in tallies.items():
            began = time.perf_counter()
            cells.append(wear(teacher, batch, makeup, n))
            tally.seconds += time.perf_counter() - began
            tally.psnr.add(batch, cells[-1])
            tally.ssim += ssim_sums(batch, cells[-1])
            if count < leak_pairs:
                inside, outside = leakage(teacher, batch, makeup, n)
                tally.moved, tally.leaked = tally.moved + inside, tally.leaked + outside
        count += len(batch)
        if len(rows) < ROWS:
            rows.append(torch.cat(cells, 3))
    if sheet:
        save_picture(torch.cat(rows)[:ROWS], sheet)
    return _scores(tallies, count)


def _scores(tallies: Mapping[int, _Tally], count: int) -> dict[str, object]:
    scores: dict[str, object] = {"pairs": count}
    for n, tally in tallies.items():
        for score in tally.psnr.scores():
            scores[f"psnr_{n} {score.group}"] = score.psnr
            scores[f"psnr_0 {score.group}"] = score.psnr_nothing
        found, nothing, texels = tally.ssim.tolist()
        scores[f"ssim_{n}"], scores["ssim_0"] = found / texels, nothing / texels
        scores[f"seconds_{n}"] = tally.seconds / max(count, 1)
        for index, name in enumerate(TOKEN_REGIONS):
            leak = tally.leaked[index] / tally.moved[index].clamp_min(1e-9)
            scores[f"leak_{n} {name}"] = float(leak)
    return scores


def table(scores: Mapping[str, object], steps: Sequence[int]) -> str:
    """Scores of `judge` in Markdown, a row for each number of steps; leakage in per cent."""
    leaks = [f"leak {name} %" for name in TOKEN_REGIONS]
    rows = [["steps", "PSNR dB", "SSIM", *leaks, "s a face"]]
    rows.append(["nothing", f"{scores['psnr_0 all']:.2f}", f"{scores['ssim_0']:.4f}", *[""] * 5])
    for n in steps:
        leaked = [100 * float(str(scores[f"leak_{n} {name}"])) for name in TOKEN_REGIONS]
        rows.append([
            str(n), f"{scores[f'psnr_{n} all']:.2f}", f"{scores[f'ssim_{n}']:.4f}",
            *(f"{leak:.1f}" for leak in leaked), f"{scores[f'seconds_{n}']:.2f}",
        ])  # fmt: skip
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def save_picture(rows: Tensor, path: Path) -> None:
    """Write (N, 3, H, W) sRGB 0..1 as one picture, row under row."""
    picture = rows.permute(0, 2, 3, 1).flatten(0, 1)
    levels = (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    Image.fromarray(levels).save(path)


def ssim_sums(batch: PairBatch, worn: Tensor) -> Tensor:
    """(3,) SSIM of worn pictures, and of the sources, summed where there is makeup; and texels."""
    mask = made_up(batch)[..., 5:-5, 5:-5].double().cpu()

    def summed(picture: Tensor) -> Tensor:
        planes = (x.float().cpu().flatten(0, 1)[:, None] for x in (picture, batch.target))
        full = ssim_maps(*planes)[0].view(len(batch), 3, *mask.shape[2:])
        return (full.mean(1, keepdim=True) * mask).sum()

    return torch.stack((summed(worn), summed(batch.source[:, :3]), mask.sum()))


def wear(
    teacher: Teacher,
    batch: PairBatch,
    makeup: Makeup,
    steps: int,
    strengths: Mapping[str, float] = EVERYWHERE,
) -> Tensor:
    """(B, 3, A, A) sRGB 0..1: the sources wearing a makeup, everywhere or by strengths."""
    mask = region_mask(batch.regions, strengths)
    result = sample(teacher, condition_of(teacher, batch), makeup, mask, SampleConfig(steps))
    return composite(batch.source, result) if _atlas(teacher) else result


def leakage(
    teacher: Teacher, batch: PairBatch, makeup: Makeup, steps: int, masked: bool = False
) -> tuple[Tensor, Tensor]:
    """Give each region alone the reference's tokens, with no mask to help unless `masked`.

    Returns:
        (4,) change summed inside the region that was asked for, and (4,) the mean change a texel
        outside, scaled to as many texels: equal sums mean that the makeup went everywhere.
    """
    own = batch.source if _atlas(teacher) else batch.source[:, :3]
    kept = teacher.look(own)  # tokens of the source itself: what is there stays
    masks = group_masks(batch.regions)
    inside, outside = [], []
    for index, name in enumerate(TOKEN_REGIONS):
        free = {name: 1.0} if masked else EVERYWHERE
        if index == 0 or masked:
            before = wear(teacher, batch, kept, steps, free)
        mixed = kept.mixed({name: (makeup, 1.0)}, batch.regions)
        after = wear(teacher, batch, mixed, steps, free)
        change = (after - before).abs().mean((0, 1))
        mask = (masks[index] > 0.5).float()
        rest = (masks.sum(0) - masks[index] > 0.5).float() * (1 - mask)
        inside.append((change * mask).sum())
        outside.append((change * rest).sum() / rest.sum().clamp_min(1) * mask.sum())
    return torch.stack(inside).cpu(), torch.stack(outside).cpu()


def condition_of(teacher: Teacher, batch: PairBatch) -> Condition:
    """The faces of pairs as the teacher sees them.

    A teacher of pictures is shown the atlas as a picture, and how the mesh faces the camera.
    """
    visibility = batch.source[:, 3:]
    if _atlas(teacher):
        return Condition(batch.source, atlas_mesh(visibility, batch.regions))
    return Condition(batch.source[:, :3], visibility.expand(-1, 3, -1, -1))


def _atlas(teacher: Teacher) -> bool:
    return teacher.config.codec != "vae"
