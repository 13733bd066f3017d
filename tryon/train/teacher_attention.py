"""A teacher and held-out pairs -> a sheet that shows where each region's tokens are looked at.

Bright is where the layers of the finest two sizes look; the ring is the region's border. It never
trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.models.attention import attention_maps, recording
from tryon.models.teacher import Teacher
from tryon.models.tokens import group_masks
from tryon.train.pairs import PairBatch
from tryon.train.teacher_eval import condition_of, save_picture

PAIRS = 6  # rows of the sheet
TIME = 600  # of the noise schedule: shapes are settled, details are not


@torch.no_grad()
def draw_attention(teacher: Teacher, batches: Sequence[PairBatch], path: Path) -> None:
    """Draw a row for each pair: source, reference, then a map for each of `TOKEN_REGIONS`.

    Args:
        teacher: in evaluation mode.
        batches: pairs; the first `PAIRS` are drawn.
        path: the picture to write.
    """
    rows: list[Tensor] = []
    for batch in batches:
        if sum(len(row) for row in rows) < PAIRS:
            rows.append(_row(teacher, batch))
    save_picture(torch.cat(rows)[:PAIRS], path)


def region_looks(teacher: Teacher, batch: PairBatch) -> Tensor:
    """(B, 4, S, S) 0..1: the sigmoid of each region's logits, as the attention loss sees it."""
    atlas = teacher.config.codec != "vae"
    wanted, source = (batch.affine if atlas else batch.target), batch.source[:, :3]
    latents = teacher.codec.encode(wanted, source)
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(latents.shape, generator=rng).to(latents)
    time = torch.full((len(batch),), TIME, device=latents.device)
    makeup = teacher.look(batch.reference if atlas else batch.reference[:, :3])
    noisy = teacher.noising.add_noise(latents, noise, time)
    with recording(teacher.unet):
        everyone = torch.ones(len(batch), device=latents.device)
        teacher.denoise(noisy, time, condition_of(teacher, batch), makeup, everyone)
        maps = attention_maps(teacher.unet)
    side = batch.source.shape[-1]
    fine = [F.interpolate(m, (side, side), mode="bilinear") for m in maps.values()]
    return torch.stack(fine).mean(0).sigmoid()


def _row(teacher: Teacher, batch: PairBatch) -> Tensor:
    looks = region_looks(teacher, batch)
    masks = group_masks(batch.regions)[None].expand_as(looks)
    grown = F.max_pool2d(masks, 3, 1, 1) > 0.5
    border = (grown & ~(masks > 0.5)).float()
    dim = 0.35 * batch.target.mean(1, keepdim=True)
    cells = [batch.source[:, :3], batch.reference[:, :3]]
    for index in range(looks.shape[1]):
        look, ring = looks[:, index : index + 1], border[:, index : index + 1]
        warm = torch.cat((look, 0.7 * look, 0.1 * look), 1)
        cells.append(((dim + warm) * (1 - ring) + ring).clamp(0, 1))
    return torch.cat(cells, 3)
