"""Training portraits -> how bright skin and eyes of each tone are: what the painter reads light by.

`python -m tryon.train.calibrate FACES.safetensors` prints what REFLECTANCE, TYPICAL and SCLERA
should be; it looks at the train split only and never changes a file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tryon.console import run_main
from tryon.cosmetics import style as st
from tryon.cosmetics.brushes import atlas_zones, brush_fields
from tryon.cosmetics.colours import rgb_of
from tryon.cosmetics.pigment import luminance, to_linear
from tryon.cosmetics.substrate import (
    ITA_KNOTS,
    REFLECTANCE,
    SCLERA,
    SCLERA_RISE,
    SKIN_TRUST,
    TYPICAL,
    white_of,
)
from tryon.train.evidence import faces_of, worn_colours
from tryon.train.faces import FaceCache

Floats = NDArray[np.float64]
SWATCH = "#b05a5a"  # of middle brightness, and none of those that the evidence is given for
STIFF = 0.5  # faces a knot: how much the curve resists bending where there are few of them
LEAST_SIZE = 128  # texels a side of a cache that shows the white of the eyes
TRUSTED = 2.5  # brighter than this says more about the picture than about the skin


def shown_brightness(cache: FaceCache, which: Tensor) -> Floats:
    """(N,) how bright a matte swatch on the lips of each face shows, relative to itself."""
    box = atlas_zones(cache.size)["lips"]
    assert box is not None
    fields = brush_fields(cache.size).crop(box)
    swatch = to_linear(torch.tensor([[rgb_of(SWATCH)]]).float().view(1, 3, 1, 1))
    found = []
    for some in torch.split(which, 32):
        worn = st.Lips(1.0, SWATCH, "matte")
        shown, _ = worn_colours(faces_of(cache, some).crop(box), worn, fields)
        found.append((luminance(shown[:, :, None, None]) / luminance(swatch)).flatten())
    return np.asarray(torch.cat(found).numpy(), np.float64)


def fitted(ita: Floats, shown: Floats) -> Floats:
    """Reflectance at each knot under which the swatch shows as itself, on average at every tone.

    Args:
        ita: (N,) skin tones, deg.
        shown: (N,) its brightness with the present curve.

    Returns:
        (K,) luminous reflectance at `ITA_KNOTS`.
    """
    share = np.stack([np.interp(ita, ITA_KNOTS, unit) for unit in np.eye(len(ITA_KNOTS))], 1)
    bend = np.diff(np.eye(len(ITA_KNOTS)), 3, axis=0)
    stiff, curve = STIFF * bend.T @ bend, np.log(REFLECTANCE)
    read = share @ curve
    for _ in range(60):  # Newton on the mean at each knot
        left = np.minimum(shown * np.exp(SKIN_TRUST * (read - share @ curve)), TRUSTED)
        slope = SKIN_TRUST * (share.T * left) @ share + stiff
        curve = curve + 0.6 * np.linalg.solve(slope, share.T @ (left - 1) - stiff @ curve)
    return np.asarray(np.exp(curve))


def whites(cache: FaceCache, which: Tensor) -> Floats:
    """(N,) luminance of the white of the eyes of each face; the cache must be fine enough."""
    fields, found = brush_fields(cache.size), []
    for some in torch.split(which, 32):
        white = white_of(to_linear(cache.texture[some, :3].float() / 255), fields)
        assert white is not None
        found.append(white)
    return np.asarray(torch.cat(found).numpy(), np.float64)


def sclera_line(ita: Floats, white: Floats) -> tuple[float, float]:
    """SCLERA and SCLERA_RISE: the line of medians of the log of `white` over the skin tone.

    Closed eyes and glasses are so many and so dark that a mean would speak of them.
    """
    x = np.stack([np.ones_like(ita), ita.clip(ITA_KNOTS[0], ITA_KNOTS[-1])], 1)
    y, weight = np.log(white), np.ones_like(white)
    line = np.zeros(2)
    for _ in range(50):  # least absolute differences, by weights
        root = np.sqrt(weight)
        line = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
        weight = 1 / np.maximum(np.abs(y - x @ line), 0.01)
    return float(np.exp(line[0])), float(1 / line[1])


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.calibrate", description=__doc__)
    parser.add_argument("faces", type=Path, help="a face cache")
    return run_main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    cache = FaceCache.load(arguments.faces)
    train = cache.indices("train")
    shown = shown_brightness(cache, train)
    found = fitted(cache.ita[train].double().numpy(), shown)
    print(f"a swatch on {len(train)} training faces shows {shown.mean():.3f} of its brightness")
    print(f"typical light: {TYPICAL:.3f} -> {TYPICAL / shown.mean():.3f}")
    if cache.size >= LEAST_SIZE:
        at_zero, rise = sclera_line(cache.ita[train].double().numpy(), whites(cache, train))
        print(f"sclera: {SCLERA:.3f} -> {at_zero:.3f}, e-fold in {SCLERA_RISE:.0f} -> {rise:.0f}")
    for angle, now, better in zip(ITA_KNOTS, REFLECTANCE, found, strict=True):
        print(f"{angle:6.0f} deg: {now:.3f} -> {better:.3f}")


if __name__ == "__main__":
    raise SystemExit(main())
