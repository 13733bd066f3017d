"""What the painter holds on real faces: swatch colours on every skin tone, texture, exactness.

`python -m tryon.train.evidence FACES.safetensors` prints a table; it never changes a file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tryon.console import run_main
from tryon.cosmetics import style as st
from tryon.cosmetics.brushes import BrushFields, atlas_zones, brush_fields
from tryon.cosmetics.colours import ciede2000, cielab_of, rgb_of
from tryon.cosmetics.painter import StyleBatch, paint
from tryon.cosmetics.pigment import Affine, luminance, to_linear
from tryon.cosmetics.substrate import Substrate, estimate_substrate
from tryon.train.faces import FaceCache
from tryon.train.metrics import ITA_BINS, ita_bin

SWATCHES = (
    "#a5122a", "#c1917c", "#582448", "#6a4330", "#ec6a56", "#cc6878", "#2a1a16", "#cc1c7c",
    "#107474", "#b4583a", "#e8a0a8", "#86234c",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BinRow:
    """Fidelity in one bin of skin tones; all CIEDE2000, means over the swatches."""

    name: str
    faces: int
    shown: float  # the bin's mean colour on the screen against the swatch
    worst: float  # the same for the worst swatch
    under_light: float  # with the light that the painter read divided out
    single: float  # median over single faces, on the screen
    sheer: float  # how far a sheer coat stays from the swatch


def lip_core(fields: BrushFields) -> Tensor:
    """(H, W) bool: lips well away from their contours."""
    return ((fields.lips > 0.99) & (fields.lip_depth > 0.25) & (fields.lip_depth < 0.8))[0, 0]


def worn_colours(substrate: Substrate, lips: st.Lips, fields: BrushFields) -> tuple[Tensor, Tensor]:
    """Mean linear colour (B, 3) of painted lips: on the screen, and under light of strength 1."""
    core = lip_core(fields)
    layer = paint(substrate, StyleBatch([st.MakeupStyle(lips=lips)]), fields)
    out = layer(substrate.linear)[:, :, core].clamp(0, 1)
    light = substrate.illuminant.expand_as(substrate.linear)[:, :, core]
    # What the camera does not see of the lips is not painted, and shows no swatch.
    seen = (substrate.skin[:, :, core] > 0.9) + 1e-6
    shown, lit = ((x * seen).sum(-1) / seen.sum(-1) for x in (out, light))
    return shown, shown / lit


def faces_of(cache: FaceCache, which: Tensor) -> Substrate:
    """The substrate of some faces as of a photograph: light read from what is seen of it."""
    texture = cache.texture[which].float() / 255
    skin = cache.skin[which].float() / 255 * texture[:, 3:]
    return estimate_substrate(skin, brush_fields(cache.size), to_linear(texture[:, :3]))


def fidelity(cache: FaceCache, which: Tensor, swatches: Sequence[str] = SWATCHES) -> list[BinRow]:
    """Paint every swatch on every face and compare by bin of skin tone."""
    fields, box = brush_fields(cache.size), atlas_zones(cache.size)["lips"]
    assert box is not None
    fields = fields.crop(box)
    chunks = []
    for some in torch.split(which, 32):
        s = faces_of(cache, some).crop(box)
        kinds = []
        for color in swatches:
            full = worn_colours(s, st.Lips(1.0, color, "matte"), fields)
            sheer, _ = worn_colours(s, st.Lips(1.0, color, "sheer"), fields)
            kinds.append(torch.stack([*full, sheer], 1))
        chunks.append(torch.stack(kinds, 1))
    found = torch.cat(chunks).double().numpy()  # (faces, swatches, 3 kinds, 3)
    goal = cielab_of(to_linear(torch.tensor([rgb_of(c) for c in swatches]).double()).numpy())
    bins = np.array([ita_bin(float(v)) for v in cache.ita[which]])
    rows = []
    for name, _ in ITA_BINS:
        inside = found[bins == name]
        if not len(inside):
            continue
        gap = ciede2000(cielab_of(inside.mean(0)), goal[:, None])  # (swatches, 3 kinds)
        single = np.median(ciede2000(cielab_of(inside[:, :, 0]), goal), 0)
        rows.append(BinRow(name, len(inside), float(gap[:, 0].mean()), float(gap[:, 0].max()),
                           float(gap[:, 1].mean()), float(single.mean()),
                           float(gap[:, 2].mean())))  # fmt: skip
    return rows


def gradient_correlation(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """(B,) correlation of the luminance gradients of two linear pictures inside a mask (A, A)."""
    kept = []
    for picture in (before, after):
        y = luminance(picture)[:, 0]
        kept.append(torch.cat([y.diff(dim=1)[:, :, :-1][:, where[1:, :-1]],
                               y.diff(dim=2)[:, :-1][:, where[:-1, 1:]]], 1))  # fmt: skip
    a, b = (x - x.mean(1, keepdim=True) for x in kept)
    found: Tensor = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)
    return found


def texture_kept(cache: FaceCache, which: Tensor) -> Tensor:
    """(N,) gradient correlation under matte foundation of coverage 0.5."""
    style = st.MakeupStyle(foundation=st.Foundation(0.5, matte=0.5, finish="matte"))
    skin = (brush_fields(cache.size).face > 0.9)[0, 0]
    found = []
    for some in torch.split(which, 32):
        s = faces_of(cache, some)
        layer: Affine = paint(s, StyleBatch([style]))
        found.append(gradient_correlation(s.linear, layer(s.linear), skin))
    return torch.cat(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.evidence", description=__doc__)
    parser.add_argument("faces", type=Path, help="a face cache")
    parser.add_argument("--split", default="test", help="train, val or test")
    return run_main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    cache = FaceCache.load(arguments.faces)
    which = cache.indices(arguments.split)
    rows = fidelity(cache, which)
    print("| skin | faces | on screen | worst swatch | under its light | single face | sheer |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for r in rows:
        print(f"| {r.name} | {r.faces} | {r.shown:.2f} | {r.worst:.2f} | {r.under_light:.2f} "
              f"| {r.single:.2f} | {r.sheer:.2f} |")  # fmt: skip
    spread = max(r.shown for r in rows) - min(r.shown for r in rows)
    print(f"\nbins differ by at most {spread:.2f}")
    kept = texture_kept(cache, which)
    print(f"gradient correlation under matte foundation: median {kept.median():.3f}, "
          f"least {kept.min():.3f}")  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
