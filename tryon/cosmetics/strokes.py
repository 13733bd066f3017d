"""Strokes: lines and shapes drawn with a brush or pencil, as alpha over a raster of the face.

Functions of brush fields and a style's numbers; they know neither colour nor skin. Hairs are
curves found by inverting how they fan out, so that their number costs nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import BrushFields, smoothstep

TABLE = 128  # random numbers of a seed; hair k takes number k


def spot(
    fields: BrushFields, centre: Tensor, axis: Tensor, length: Tensor, width: Tensor
) -> Tensor:
    """Elongated Gaussian spot on the face.

    Args:
        fields: brush fields.
        centre: (B, 3) canonical cm, x >= 0.
        axis: (3,) unit direction of the long side.
        length: (B, 1, 1, 1) cm along the axis.
        width: (B, 1, 1, 1) cm across it.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    offset = fields.position - centre[:, :, None, None]
    along = (offset * axis[None, :, None, None]).sum(1, keepdim=True)
    across2 = (offset**2).sum(1, keepdim=True) - along**2
    return torch.exp(-((along / length) ** 2) - across2 / width**2) * fields.inside


def winged_line(
    fields: BrushFields, thickness: Tensor, wing: Tensor, lift: Tensor, softness: Tensor
) -> Tensor:
    """Eyeliner: a band above the lashes that widens outwards, and a wing past the outer corner.

    Args:
        fields: brush fields.
        thickness: (B, 1, 1, 1) cm at the outer corner.
        wing: (B, 1, 1, 1) length of the wing in eye widths.
        lift: (B, 1, 1, 1) 0..1, steepness of the wing.
        softness: (B, 1, 1, 1) cm of blur.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    along, across = fields.along, fields.across
    soft = softness.clamp_min(0.7 * fields.pitch)
    local = thickness * (0.22 + 0.78 * along.clamp(0, 1) ** 1.4)
    within = smoothstep(along, -0.02, 0.10) * (1 - smoothstep(along, 1.0, 1.05))
    band = (1 - smoothstep(fields.lash, local, local + soft)) * within
    band = band * smoothstep(fields.above, 0.15, 0.6)
    # The wing is a tapering segment that leaves the outer corner; at half its lift, at 31 degrees.
    x, y = (along - 1) * fields.eye_width, across
    angle = 0.549 + (lift - 0.5) * 0.873
    ux, uy = angle.cos(), angle.sin()
    t = (x * ux + y * uy) / (wing * fields.eye_width).clamp_min(1e-3)
    off = (y * ux - x * uy).abs()
    half = 0.6 * thickness * (1 - t).clamp(0, 1)
    tail = (1 - smoothstep(off, half, half + soft)) * smoothstep(t, -0.12, 0.0)
    tail = tail * (1 - smoothstep(t, 0.8, 1.0)) * (wing > 0.02)
    return torch.maximum(band, tail)


def lower_line(fields: BrushFields, width: Tensor) -> Tensor:
    """A line along the lower lashes, (B, 1, H, W) in 0..1; `width` (B, 1, 1, 1) in cm."""
    line = torch.exp(-((fields.lower_lash / width) ** 2)) * (1 - fields.above)
    return line * smoothstep(fields.along, 0.1, 0.4) * (1 - smoothstep(fields.along, 0.98, 1.05))


def hairs(
    root: Tensor, height: Tensor, span: float, numbers: Tensor, count: Tensor,
    length: Tensor | float, width: Tensor | float, pitch: float,
) -> Tensor:  # fmt: skip
    """Single hairs on a line, each with a place, length and bend of its own.

    Args:
        root: (B, 1, H, W) where on the line, 0..1, the hair through this point has its root.
        height: (1, 1, H, W) or (B, 1, H, W) cm above the line.
        span: length of the line in cm.
        numbers: (B, 3, TABLE) uniform random numbers 0..1.
        count: (B, 1, 1, 1) hairs on the line.
        length: broadcastable cm.
        width: cm at the root.
        pitch: cm between samples; thinner hairs become fainter instead of jagged.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    place = root * count
    cell = place.floor()
    index = cell.long().remainder(TABLE).flatten(1)
    shift, reach, bend = (
        numbers[:, k].expand(len(index), -1).gather(1, index).view_as(place) for k in range(3)
    )
    t = (height / (length * (0.65 + 0.45 * reach))).clamp_min(0)
    centre = 0.5 + 0.5 * (shift - 0.5) + 0.5 * (bend - 0.5) * t * t
    off = (place - cell - centre).abs() * span / count
    half = width * (1 - 0.8 * t.clamp_max(1)) / 2
    # Thinner than a sample a hair becomes fainter, but not as faint as its area: it would vanish.
    cover = ((half - off) / pitch + 0.5).clamp(0, 1) * (2 * half / pitch).clamp_max(1) ** 0.5
    return cover * (t < 1) * (cell >= 0) * (cell < count)


def lashes(
    fields: BrushFields, numbers: Tensor, length: Tensor, density: Tensor, curl: Tensor,
    lower: Tensor,
) -> Tensor:  # fmt: skip
    """Lashes of both lids.

    Args:
        fields: brush fields.
        numbers: (B, 3, TABLE) uniform random numbers.
        length: (B, 1, 1, 1) 0..1, up to 0.9 cm.
        density: (B, 1, 1, 1) 0..1.
        curl: (B, 1, 1, 1) 0..1: how far the tips lean.
        lower: (B, 1, 1, 1) 0..1: strength of the lower ones.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    s = fields.along
    longest = 0.25 + 0.65 * length
    total: Tensor | None = None
    for k, (distance, up) in enumerate(((fields.lash, 1.0), (fields.lower_lash, 0.0))):
        reach = longest * (1.0 if up else 0.42)
        lean = (distance / fields.eye_width) * (1.3 + 0.9 * curl * distance / reach)
        root = (s + 0.32 * lean) / (1 + lean)
        profile = 0.40 + 0.70 * torch.sin(torch.pi * (0.82 * root + 0.10).clamp(0, 1))
        on = fields.above if up else (1 - fields.above) * lower
        on = on * (s > -0.1)
        count = (18 + 34 * density) * (1.0 if up else 0.7)
        part = on * (root > 0.04 if up else root > 0.2) * (root < 0.995)
        first = hairs(
            root, distance, fields.eye_width, numbers.roll(17 * k, -1), count,
            reach * profile, 0.05 if up else 0.03, fields.pitch,
        )  # fmt: skip
        second = hairs(
            root * 0.985 + 0.01, distance, fields.eye_width, numbers.roll(43 + k, -1),
            count * 0.73, reach * profile * 0.8, 0.04 if up else 0.025, fields.pitch,
        )  # fmt: skip
        rim = torch.exp(-((distance / 0.06) ** 2)) * (0.55 if up else 0.25)
        drawn = part * (1 - (1 - first) * (1 - second) * (1 - rim))
        total = drawn if total is None else torch.maximum(total, drawn)
    assert total is not None
    return total


def brow_hairs(fields: BrushFields, numbers: Tensor) -> Tensor:
    """Drawn hairs of the brow, leaning to the tail; (B, 1, H, W) in 0..1."""
    along, height = fields.brow_along, (0.55 - fields.brow_edge).clamp_min(0)
    lean = 0.10 + 0.25 * along
    rows: Tensor | None = None
    for k, offset in enumerate((0.0, 0.37)):
        root = (along - lean * (height + offset)).clamp(-0.2, 1.2) * 0.8 + 0.1
        count = torch.full((1, 1, 1, 1), 34.0, device=along.device)
        drawn = hairs(
            root, 0.0 * height, 4.5, numbers.roll(29 * k, -1), count, 1.0, 0.07, fields.pitch
        )
        rows = drawn if rows is None else torch.maximum(rows, drawn)
    assert rows is not None
    return rows


def free_shapes(fields: BrushFields, noise: Tensor, coverage: Tensor, sharpness: Tensor) -> Tensor:
    """Threshold smooth noise into painted shapes.

    Args:
        fields: brush fields.
        noise: (B, 1, N, N) standard normal; small N gives large shapes.
        coverage: (B, 1, 1, 1) share of the face, 0..1.
        sharpness: (B, 1, 1, 1), 0 washes .. 1 hard edges.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    # The spread of the field is that over the whole atlas, whatever part of it is drawn here.
    whole = F.interpolate(noise, (48, 48), mode="bicubic", align_corners=True)
    level = torch.special.ndtri(1 - coverage.clamp(0.02, 0.98)) * whole.std((2, 3), keepdim=True)
    grid = fields.uv.permute(0, 2, 3, 1).expand(len(noise), -1, -1, -1)
    smooth = F.grid_sample(noise, grid, mode="bicubic", padding_mode="border", align_corners=True)
    return torch.sigmoid((smooth - level) * (3 + 40 * sharpness**2)) * fields.inside


def nearest_dot(fields: BrushFields, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each sample the nearest of some points of the face.

    Args:
        fields: brush fields.
        centres: (N, 3) canonical cm, x of either sign.

    Returns:
        Offset (1, 3, H, W) cm from that point, distance (1, 1, H, W) cm, and its index (H, W).
    """
    signed = torch.cat([fields.position[:, :1] * fields.side, fields.position[:, 1:]], 1)
    flat = signed[0].flatten(1).T
    # |p - c|^2 up to a constant of p: one matrix product instead of N maps.
    score = torch.addmm((centres**2).sum(1), flat, centres.T, beta=1, alpha=-2)
    index = score.argmin(1)
    offset = (flat - centres[index]).T.reshape(1, 3, *signed.shape[2:])
    distance = offset.norm(dim=1, keepdim=True)
    return offset, distance, index.view(signed.shape[2:])


def sticker(kind: str, offset: Tensor, distance: Tensor, radius: Tensor, soft: float) -> Tensor:
    """Alpha of a sticker around its centre.

    Args:
        kind: dots, gems, stars, hearts or drops.
        offset: (1, 3, H, W) cm from the centre, x to the picture's right, y up.
        distance: (1, 1, H, W) its length.
        radius: broadcastable, cm.
        soft: width of the edge, cm.

    Returns:
        (1, 1, H, W) in 0..1.
    """
    x, y = offset[:, :1] / radius, offset[:, 1:2] / radius
    r = distance / radius
    if kind == "stars":
        angle = torch.atan2(x, y)
        r = r / (0.42 + 0.58 * (0.5 + 0.5 * torch.cos(5 * angle)) ** 1.6)
    elif kind == "hearts":
        top = x.abs() - 0.15
        r = torch.sqrt(x * x + (y - 0.55 * top.clamp_min(-0.3) + 0.1) ** 2) * 1.15
    elif kind == "drops":
        r = torch.sqrt((x * (1.35 + 0.9 * y.clamp(-0.6, 0.9))) ** 2 + (0.85 * y) ** 2)
    elif kind == "gems":
        r = torch.maximum((x.abs() + y.abs()) * 0.75, r * 0.95)
    return ((1 - r) * radius / soft + 0.5).clamp(0, 1)
