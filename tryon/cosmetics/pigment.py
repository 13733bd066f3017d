"""Pigment on skin: Kubelka-Munk layers over the reflectance below, in linear light, with torch.

The layers of a style fold into one affine map of the light that is there, `gain * in + offset`, so
that the same map works at any resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709, linear light
MAX_GAIN = 3.0  # what the pigment adds beyond this it adds by itself, without the skin's detail


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB-encoded 0..1 to linear light (IEC 61966-2-1)."""
    curve = ((srgb + 0.055) * (1 / 1.055)).clamp_min(1e-6).pow(2.4)
    return torch.where(srgb <= 0.04045, srgb * (1 / 12.92), curve)


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB-encoded, clamped to 0..1."""
    x = linear.clamp(0, 1)
    curve = x.clamp_min(1e-6).pow(1 / 2.4) * 1.055 - 0.055
    return torch.where(x <= 0.0031308, x * 12.92, curve)


def luminance(linear: Tensor) -> Tensor:
    """(B, 3, H, W) linear RGB to (B, 1, H, W) luminance."""
    r, g, b = LUMINANCE
    return (r * linear[:, :1]).add(linear[:, 1:2], alpha=g).add(linear[:, 2:3], alpha=b)


def kubelka_munk(below: Tensor, masstone: Tensor, thickness: Tensor | float) -> Tensor:
    """Reflectance of a pigment layer over a substrate (Kubelka & Munk 1931).

    Args:
        below: reflectance of the substrate, 0..1.
        masstone: reflectance of the pigment when infinitely thick, 0..1.
        thickness: b*S*X, the number that Kim & Ko (2018) measure on made-up skin: the substrate
            shows through by about exp(-2 * thickness) in every channel. A number for each style
            costs less than a map.

    Returns:
        Reflectance of both, broadcast shape.
    """
    r = masstone.clamp(0.004, 0.97)
    a = 1 + (1 - r) ** 2 / (2 * r)
    turn = torch.sqrt(a * a - 1) / torch.tanh(_tensor(thickness, r).clamp(1e-4, 20.0))
    return ((1 - below * (a - turn)) / (a + turn - below)).clamp(0, 1)


def hiding(coverage: Tensor) -> Tensor:
    """Thickness of a layer that hides this share (0..1) of what lies below; 1 hides all of it."""
    return -0.5 * torch.log1p(-0.9985 * coverage.clamp(0, 1))


def _tensor(value: Tensor | float, like: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """`out = gain * in + offset` at each sample; both (B, 3, H, W), linear light."""

    gain: Tensor
    offset: Tensor

    @classmethod
    def identity_like(cls, image: Tensor) -> Affine:
        """The map that paints nothing."""
        return cls(torch.ones_like(image), torch.zeros_like(image))

    def __call__(self, linear: Tensor) -> Tensor:
        """Apply to linear light."""
        return self.gain * linear + self.offset

    def packed(self) -> Tensor:
        """(B, 6, H, W): gain RGB, offset RGB."""
        return torch.cat([self.gain, self.offset], 1)


@dataclass(frozen=True, slots=True, eq=False)
class Coats:
    """What has been painted so far, as reflectance; a value, never changed.

    `shown` is the colour without fine detail. `carried` is the part of it that the detail of the
    face modulates: all of it on bare skin, less under matte pigment, which hides pores.
    """

    shown: Tensor  # (B, 3, H, W)
    carried: Tensor  # (B, 3, H, W)

    @classmethod
    def bare(cls, reflectance: Tensor) -> Coats:
        """Nothing painted yet."""
        return cls(reflectance, reflectance)

    def coat(
        self, alpha: Tensor, color: Tensor, thickness: Tensor | float, detail: Tensor | float = 1.0
    ) -> Coats:
        """Put a layer of pigment on top.

        Args:
            alpha: (B or 1, 1, H, W) where it lies, 0..1.
            color: (B or 1, 3, 1, 1) masstone, linear.
            thickness: as `hiding` gives it.
            detail: share of the detail below that shows through.
        """
        thick = _tensor(thickness, self.shown)
        alpha = alpha * (thick > 0)  # no pigment changes nothing, to the bit
        painted = kubelka_munk(self.shown, color, thick)
        through = painted / self.shown * detail - 1
        return Coats(
            torch.addcmul(self.shown, alpha, painted - self.shown),
            torch.addcmul(self.carried, self.carried * alpha, through),
        )

    def crop(self, box: tuple[slice, slice]) -> Coats:
        """What lies in a box."""
        return Coats(self.shown[(..., *box)], self.carried[(..., *box)])

    def pasted(self, box: tuple[slice, slice], part: Coats) -> Coats:
        """The same with another state inside a box."""
        shown, carried = self.shown.clone(), self.carried.clone()
        shown[(..., *box)], carried[(..., *box)] = part.shown, part.carried
        return Coats(shown, carried)

    def shine(self, light: Tensor) -> Coats:
        """Add light that the surface reflects by itself, relative to what falls on it."""
        return Coats(self.shown + light, self.carried)

    def dimmed(self, factor: Tensor) -> Coats:
        """Take a share of the light away, (B, 1, H, W) factor 0..1."""
        return Coats(self.shown * factor, self.carried * factor)

    def affine(self, bare: Tensor, illuminant: Tensor) -> Affine:
        """As a map of light.

        Args:
            bare: (B, 3, H, W) the reflectance that `Coats.bare` was given.
            illuminant: (B, 1 or 3, H, W) light on each sample.

        Returns:
            The map; exactly the identity where nothing was painted.
        """
        gain = (self.carried / bare).clamp(0, MAX_GAIN)
        return Affine(gain, torch.addcmul(self.shown, gain, bare, value=-1) * illuminant)
