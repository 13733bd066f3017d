"""What cameras, light, turned heads and erring landmarks do to a picture of a face in the atlas.

Batched and on one device; every draw comes from the generator that is handed in.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.train.variety import DataConfig

VEIL = 0.1  # linear light at most that strays over a picture
PALE = 0.6  # share at most of the colour that is lost
BLOCK = 48.0  # texels of a 256 atlas at most over which colour is smeared
DIM = 3.0  # stops at most by which a picture lacks light
CAST, GREEN = 0.5, 0.1  # log of what a lamp takes from or gives to red and blue, and to green
LAMP = 0.6  # relative light by which a coloured lamp changes a channel, at most
SMEAR = 24  # texels of a 256 atlas over which a side seen at a flat angle is stretched


def uniform(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Random numbers in 0..1 on the generator's device."""
    return torch.rand(shape, generator=rng, device=rng.device)


def spread(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Random numbers in -1..1 on the generator's device."""
    return 2 * uniform(shape, rng) - 1


def relit(linear: Tensor, config: DataConfig, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Another exposure, white balance and side light.

    Args:
        linear: (B, 3, A, A) linear light.
        config: ranges.
        rng: random numbers.

    Returns:
        The light, and the lamp's colour (B, 3, 1, 1).
    """
    n, _, size, _ = linear.shape
    stops = config.exposure * spread((n, 1, 1, 1), rng)
    cast = config.white_balance * spread((n, 2), rng)
    balance = torch.stack([1 + cast[:, 0], 1 + 0.15 * cast.sum(1), 1 + cast[:, 1]], 1)
    ramp = torch.linspace(-1, 1, size, device=linear.device)
    slope = config.side_light * spread((n, 2, 1, 1), rng)
    side = 1 + slope[:, :1] * ramp[None, None, None, :] + 0.5 * slope[:, 1:] * ramp[:, None]
    lit = linear * (2**stops * side.clamp_min(0.2)) * balance[:, :, None, None]
    # Roll off instead of clipping, as a camera does: 1 is reached with slope 0.
    over = (lit - 0.7).clamp(0, 0.6)
    return lit.clamp_max(0.7) + over - over * over / 1.2, balance[:, :, None, None]


def misaligned(
    picture: Tensor, affine: Tensor, config: DataConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Shift smoothly, as when landmarks err: the picture and the layer that fits it."""
    n, size = len(picture), picture.shape[-1]
    shift = torch.randn((n, 2, 6, 6), generator=rng, device=picture.device)
    amount = config.jitter * uniform((n, 1, 1, 1), rng) * 2 / 256
    shift = amount * F.interpolate(shift, (32, 32), mode="bicubic")
    shift = F.interpolate(shift, (size, size), mode="bilinear")
    grid = (brush_fields(size, str(picture.device)).uv + shift).permute(0, 2, 3, 1)
    joined = torch.cat([picture, affine], 1) if affine.shape[1] else picture
    moved = F.grid_sample(joined, grid, padding_mode="border", align_corners=False)
    return moved[:, : picture.shape[1]], moved[:, picture.shape[1] :]


def turned(picture: Tensor, config: DataConfig, rng: torch.Generator) -> Tensor:
    """Turn some heads: one side fades from view, and what is left of it is stretched.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        config: the share of them.
        rng: random numbers.
    """
    n, size = len(picture), picture.shape[-1]
    chosen = uniform((n, 1, 1, 1), rng) < config.turned
    towards = torch.where(uniform((n, 1, 1, 1), rng) < 0.5, -1.0, 1.0)
    start = spread((n, 1, 1, 1), rng) * 0.35 + 0.35  # where it begins: 0 the middle, 0.7 a cheek
    if not bool(chosen.any()):
        return picture
    across = brush_fields(size, str(picture.device)).uv[:, :1]
    away = ((towards * across - start) / 0.4).clamp(0, 1) * chosen
    width = 2 * round(SMEAR * size / 512) + 1
    stretched = F.avg_pool2d(picture[:, :3], (1, width), 1, (0, width // 2), False, False)
    colour = torch.lerp(picture[:, :3], stretched, away)
    return torch.cat([colour, picture[:, 3:] * (1 - away)], 1)


def veiled(
    picture: Tensor, affine: Tensor, config: DataConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Stray light over a picture, and colours gone pale: a window behind, a cheap lens.

    What shows through is a share of the picture, made up or not, so the layer's gain stays and its
    offset fades with it.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        affine: (B, 6, A, A) a layer in linear light.
        config: the share of pictures.
        rng: random numbers.
    """
    if not config.veiled:
        return picture, affine
    n = len(picture)
    chosen = uniform((n, 1, 1, 1), rng) < config.veiled
    stray, through, grey = uniform((3, n, 1, 1, 1), rng)
    stray, through, grey = VEIL * stray, 1 - 0.6 * through, PALE * grey

    def dim(light: Tensor) -> Tensor:
        dimmed: Tensor = through * torch.lerp(light, light.mean(1, keepdim=True), grey)
        return dimmed

    gain, offset = affine[:, :3], affine[:, 3:]
    colour = to_srgb((dim(to_linear(picture[:, :3])) + stray).clamp(0, 1))
    inside = brush_fields(picture.shape[-1], str(picture.device)).inside
    seen = torch.cat([colour * inside, picture[:, 3:]], 1)
    layer = torch.cat([gain, stray * (1 - gain) + dim(offset)], 1)
    return torch.where(chosen, seen, picture), torch.where(chosen, layer, affine)


def poorly_lit(picture: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Too little light, by up to DIM stops, and warm or cool: what is worn changes with the face.

    Brightness alone cannot tell little light from dark skin. Taken for dark skin, a dim face glowed
    with lipstick; brows, lashes and eyes stand out from skin alike in any light, and can tell.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        share: how many of them, 0..1.
        rng: random numbers.

    Returns:
        The pictures, and the light (B, 3, 1, 1) that is left, 1 for all of it: the offset of a
        layer in linear light fades with it, its gain does not.
    """
    size = (len(picture), 1, 1, 1)
    if not share:
        return picture, picture.new_ones(len(picture), 3, 1, 1)
    chosen = uniform(size, rng) < share
    stops = DIM * uniform(size, rng)
    warmth, green = CAST * spread(size, rng), GREEN * spread(size, rng)
    cast = torch.cat([warmth, green, -warmth], 1)
    light = torch.exp(cast - cast.amax(1, keepdim=True)) * 2**-stops
    light = torch.where(chosen, light, 1.0)
    seen = to_srgb(light * to_linear(picture[:, :3]))
    return torch.where(chosen, torch.cat([seen, picture[:, 3:]], 1), picture), light


def smeared(picture: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Colour in large blocks, brightness sharp: a small face in a compressed film.

    Lips lose the red of their own there, and were taken for something in front of them.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        share: how many of them, 0..1.
        rng: random numbers.
    """
    if not share:
        return picture
    n, size = len(picture), picture.shape[-1]
    chosen = uniform((n, 1, 1, 1), rng) < share
    side, blocky = uniform((2,), rng).tolist()
    few = max(2, round(size / (4 + (BLOCK * size / 256 - 4) * side)))
    inside = brush_fields(size, str(picture.device)).inside
    grey = picture[:, :3].mean(1, keepdim=True)
    colour = F.adaptive_avg_pool2d((picture[:, :3] - grey) * inside, few)
    colour = colour / F.adaptive_avg_pool2d(inside, few).clamp_min(0.05)
    wide = F.interpolate(colour, size=size, mode="nearest" if blocky < 0.5 else "bilinear")
    seen = (grey + wide).clamp(0, 1) * inside
    return torch.where(chosen, torch.cat([seen, picture[:, 3:]], 1), picture)


def reflected(picture: Tensor, config: DataConfig, rng: torch.Generator) -> Tensor:
    """Coloured light on one side of some faces, from a wall, a sunset or flowers: no makeup.

    It grows from somewhere between the middle of the face and its rim outwards.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        config: the share of them.
        rng: random numbers.
    """
    if not config.reflected:
        return picture
    n, device = len(picture), str(picture.device)
    chosen = uniform((n, 1, 1, 1), rng) < config.reflected
    angle = torch.pi * spread((n, 1, 1, 1), rng)
    uv = brush_fields(picture.shape[-1], device).uv
    start = 0.2 + 0.5 * uniform((n, 1, 1, 1), rng)
    outwards = angle.cos() * uv[:, :1] + angle.sin() * uv[:, 1:]
    part = ((outwards - start) / 0.5).clamp(0, 1)
    light = 1 + LAMP * spread((n, 3, 1, 1), rng)
    # A power of light is the same power of its sRGB levels, but for the toe.
    shown = picture[:, :3] * torch.lerp(torch.ones_like(light), light, part) ** (1 / 2.4)
    return torch.cat([torch.where(chosen, shown.clamp(0, 1), picture[:, :3]), picture[:, 3:]], 1)


def degraded(picture: Tensor, config: DataConfig, rng: torch.Generator) -> Tensor:
    """Low resolution and sensor noise; the visibility channel stays."""
    n, size = len(picture), picture.shape[-1]
    colour = picture[:, :3]
    factor = 1 + (config.blur - 1) * float(uniform((1,), rng))
    if factor > 1.3:
        small = F.interpolate(colour, size=round(size / factor), mode="area")
        soft = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
        colour = torch.where(uniform((n, 1, 1, 1), rng) < 0.5, soft, colour)
    sigma = config.noise * uniform((n, 1, 1, 1), rng) ** 2
    noisy = colour + sigma * torch.randn(colour.shape, generator=rng, device=colour.device)
    inside = brush_fields(size, str(picture.device)).inside
    return torch.cat([noisy.clamp(0, 1) * inside, picture[:, 3:]], 1)


def quick_srgb(linear: Tensor) -> Tensor:
    """Linear light 0..1 to sRGB by square roots: a third of the time of the power function.

    Within 0.011 in the deepest shade, 0.004 elsewhere.

    For pictures that are disturbed anyhow; targets take the exact curve.
    """
    root = linear.clamp_min(0).sqrt()
    fourth = root.sqrt()
    # Fitted to the curve above its linear toe.
    out = 0.585122381 * root + 0.783140355 * fourth - 0.368262736 * fourth.sqrt()
    return torch.maximum(out, torch.zeros_like(out)).clamp_max(1)


def complete_by_symmetry(reference: Tensor) -> Tensor:
    """Fill what a reference hides with the mirrored other side, where that is seen better.

    Args:
        reference: (B, 4, A, A) sRGB + visibility.

    Returns:
        (B, 4, A, A); visibility is that of the better side.
    """
    mirrored = reference.flip(-1)
    seen, other = reference[:, 3:], mirrored[:, 3:]
    take = ((other - seen) / 0.5).clamp(0, 1)
    return reference + take * (mirrored - reference)
