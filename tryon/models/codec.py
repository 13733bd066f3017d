"""What the teacher denoises <-> what it is asked for: layers of the atlas, or pictures.

The atlas codec has nothing to learn and loses nothing; the picture codec wraps a given VAE. Neither
knows a denoiser.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import ConfigError

MAX_GAIN = 4.0


class Codec(Protocol):
    """A pair of inverse maps; `source` is the picture the makeup is for, (B, 3, S, S) sRGB 0..1."""

    def encode(self, wanted: Tensor, source: Tensor) -> Tensor:
        """What is wanted -> latents (B, C, s, s) of about unit variance."""
        ...

    def decode(self, latents: Tensor, source: Tensor) -> Tensor:
        """Latents -> what is wanted."""
        ...

    def untouched(self, source: Tensor) -> Tensor:
        """Latents of the source as it is."""
        ...

    def composite(self, result: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """The result where mask (B, 1, S, S) is 1, the untouched source where it is 0: exact."""
        ...


class LayerCodec(nn.Module):
    """Makeup layers of the atlas: six channels, packed without loss into few large latents.

    The six are the colour each texel will show, less the source's (sRGB), and the gain less 1:
    the student's parametrisation. No makeup is all zeros.
    """

    def __init__(self, transform: str, levels: int, scale: tuple[float, float]) -> None:
        """Make a codec.

        Args:
            transform: `unshuffle` (texels as channels) or `haar` (their wavelets).
            levels: how often the side is halved.
            scale: factors of colour and of gain that bring them to about unit variance.

        Raises:
            ConfigError: there is no such transform.
        """
        super().__init__()
        if transform not in ("unshuffle", "haar"):
            raise ConfigError(f"transform = {transform!r}: use unshuffle or haar.")
        self.transform, self.levels, self.scale = transform, levels, scale

    def encode(self, wanted: Tensor, source: Tensor) -> Tensor:
        """Affine layer (B, 6, S, S) -> latents (B, 6 * 4^levels, s, s)."""
        gain, offset = wanted.chunk(2, 1)
        worn = to_srgb(gain * to_linear(source) + offset)
        return self.pack(torch.cat((worn - source, gain.clamp(0, MAX_GAIN) - 1), 1))

    def decode(self, latents: Tensor, source: Tensor) -> Tensor:
        """Latents -> affine layer (B, 6, S, S): gain 0..4, offset; linear light."""
        colour, detail = self.unpack(latents).chunk(2, 1)
        gain = (1 + detail).clamp(0, MAX_GAIN)
        worn = to_linear((source + colour).clamp(0, 1))
        return torch.cat((gain, worn - gain * to_linear(source)), 1)

    def untouched(self, source: Tensor) -> Tensor:
        """Zeros: no makeup."""
        return self.pack(torch.zeros_like(torch.cat((source, source), 1)))

    def composite(self, result: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Fade the layer out where the mask is 0."""
        gain, offset = result.chunk(2, 1)
        return torch.cat((1 + mask * (gain - 1), mask * offset), 1)

    def pack(self, x: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, C * 4^levels, s, s), scaled."""
        colour, gain = x.chunk(2, 1)
        x = torch.cat((colour * self.scale[0], gain * self.scale[1]), 1)
        for _ in range(self.levels):
            x = F.pixel_unshuffle(x, 2)
            x = _haar(x) if self.transform == "haar" else x
        return x

    def unpack(self, x: Tensor) -> Tensor:
        """The inverse of `pack`."""
        for _ in range(self.levels):
            x = F.pixel_shuffle(_haar(x) if self.transform == "haar" else x, 2)
        colour, gain = x.chunk(2, 1)
        return torch.cat((colour / self.scale[0], gain / self.scale[1]), 1)


def _haar(x: Tensor) -> Tensor:
    """Haar transform of the 2 x 2 texels held in each four channels; its own inverse."""
    a, b, c, d = x.view(len(x), -1, 4, *x.shape[2:]).unbind(2)
    bands = (a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d)
    return torch.stack(bands, 2).flatten(1, 2) * 0.5


class VaeCodec(nn.Module):
    """Pictures through a frozen autoencoder of diffusers."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae.requires_grad_(False).eval()

    @torch.no_grad()
    def encode(self, wanted: Tensor, source: Tensor) -> Tensor:
        """Picture (B, 3, S, S) sRGB 0..1 -> latents (B, 4, S / 8, S / 8); deterministic."""
        mean: Tensor = self.vae.encode(2 * wanted - 1).latent_dist.mode()
        scale: float = self.vae.config.scaling_factor
        return mean * scale

    @torch.no_grad()
    def decode(self, latents: Tensor, source: Tensor) -> Tensor:
        """Latents -> picture (B, 3, S, S) sRGB 0..1."""
        picture: Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return (picture / 2 + 0.5).clamp(0, 1)

    def untouched(self, source: Tensor) -> Tensor:
        """Latents of the source picture."""
        return self.encode(source, source)

    def composite(self, result: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """The source's own pixels where the mask is 0."""
        return torch.where(mask == 0, source, torch.where(mask == 1, result, source
                           + mask * (result - source)))  # fmt: skip


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB-encoded 0..1 to linear light (IEC 61966-2-1)."""
    curve = ((srgb.clamp_min(0) + 0.055) / 1.055).pow(2.4)
    return torch.where(srgb <= 0.04045, srgb / 12.92, curve)


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB-encoded, clamped to 0..1."""
    x = linear.clamp(0, 1)
    return torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp_min(1e-6).pow(1 / 2.4) - 0.055)
