"""A teacher and pairs it never saw -> how right its layers are, and how much leaks between regions.

It draws what it scored, and never trains.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from tryon.models.mesh_render import atlas_mesh
from tryon.models.sampling import SampleConfig, region_mask, sample
from tryon.models.teacher import Condition, Makeup, Teacher
from tryon.models.tokens import TOKEN_REGIONS, group_masks
from tryon.train.losses import composite
from tryon.train.metrics import PsnrMeter
from tryon.train.pairs import PairBatch

EVERYWHERE = dict.fromkeys(TOKEN_REGIONS, 1.0)
ROWS = 12  # of the sheet


def judge(
    teacher: Teacher,
    batches: Iterable[PairBatch],
    steps: Sequence[int],
    pairs: int,
    sheet: Path | None = None,
) -> Mapping[str, object]:
    """Score a teacher; prints what it found.

    Args:
        teacher: in evaluation mode.
        batches: held-out pairs.
        steps: numbers of denoising steps to score.
        pairs: at most so many pairs.
        sheet: where to draw: source, reference, target, then the result of each number of steps.

    Returns:
        In-mask PSNR in dB by steps and group (0 steps: nothing done), seconds a face by steps, and
        leakage: the change where the source's makeup stays over that in the region asked for.
    """
    meters = {n: PsnrMeter() for n in steps}
    seconds = dict.fromkeys(steps, 0.0)
    moved, leaked = torch.zeros(len(TOKEN_REGIONS)), torch.zeros(len(TOKEN_REGIONS))
    rows: list[Tensor] = []
    count = 0
    for batch in batches:
        if count >= pairs:
            break
        batch = batch.pick(slice(pairs - count))
        count += len(batch)
        makeup = teacher.look(batch.reference if _atlas(teacher) else batch.reference[:, :3])
        cells = [batch.source[:, :3], batch.reference[:, :3], batch.target]
        for n in steps:
            began = time.perf_counter()
            cells.append(wear(teacher, batch, makeup, n))
            seconds[n] += time.perf_counter() - began
            meters[n].add(batch, cells[-1])
        if len(rows) < ROWS:
            rows.append(torch.cat(cells, 3))
        inside, outside = leakage(teacher, batch, makeup, steps[0])
        moved, leaked = moved + inside, leaked + outside
    scores: dict[str, object] = {"pairs": count}
    for n in steps:
        found = meters[n].scores()
        for score in found:
            scores[f"psnr_{n} {score.group}"] = score.psnr
            scores[f"psnr_0 {score.group}"] = score.psnr_nothing
        scores[f"seconds_{n}"] = seconds[n] / max(count, 1)
    for index, name in enumerate(TOKEN_REGIONS):
        scores[f"leak_{name}"] = float(leaked[index] / moved[index].clamp_min(1e-9))
    print(", ".join(f"{k} {v:.3f}" for k, v in scores.items() if isinstance(v, float)), flush=True)
    if sheet:
        picture = torch.cat(rows)[:ROWS].permute(0, 2, 3, 1).flatten(0, 1)
        levels = (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
        Image.fromarray(levels).save(sheet)
    return scores


def wear(teacher: Teacher, batch: PairBatch, makeup: Makeup, steps: int) -> Tensor:
    """(B, 3, A, A) sRGB 0..1: the sources wearing a makeup, everywhere."""
    mask = region_mask(batch.regions, EVERYWHERE)
    result = sample(teacher, condition_of(teacher, batch), makeup, mask, SampleConfig(steps))
    return composite(batch.source, result) if _atlas(teacher) else result


def leakage(
    teacher: Teacher, batch: PairBatch, makeup: Makeup, steps: int
) -> tuple[Tensor, Tensor]:
    """Give each region alone the reference's tokens, with no mask to help.

    Returns:
        (4,) change summed inside the region that was asked for, and (4,) the mean change a texel
        outside, scaled to as many texels: equal sums mean that the makeup went everywhere.
    """
    own = batch.source if _atlas(teacher) else batch.source[:, :3]
    kept = teacher.look(own)  # tokens of the source itself: what is there stays
    masks = group_masks(batch.regions)
    before = wear(teacher, batch, kept, steps)
    inside, outside = [], []
    for index, name in enumerate(TOKEN_REGIONS):
        after = wear(teacher, batch, kept.mixed({name: (makeup, 1.0)}, batch.regions), steps)
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
