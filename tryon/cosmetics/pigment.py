"""Pigment on skin: Kubelka-Munk layers over the reflectance below, in linear light, with torch.

A layer is an affine map of the light that is there, `gain * in + offset`, so that any number of
layers fold into one map and the same map works at any resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709, linear light
FLOOR = 0.004  # darkest substrate we divide by; below it sensor noise rules


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB-encoded 0..1 to linear light (IEC 61966-2-1)."""
    return torch.where(
        srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055).clamp_min(1e-6) ** 2.4
    )


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB-encoded, clamped to 0..1."""
    x = linear.clamp(0, 1)
    return torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def luminance(linear: Tensor) -> Tensor:
    """(B, 3, H, W) linear RGB to (B, 1, H, W) luminance."""
    weights = torch.tensor(LUMINANCE, dtype=linear.dtype, device=linear.device)
    return (linear * weights[:, None, None]).sum(1, keepdim=True)


def kubelka_munk(below: Tensor, masstone: Tensor, thickness: Tensor) -> Tensor:
    """Reflectance of a pigment layer over a substrate (Kubelka & Munk 1931).

    Args:
        below: reflectance of the substrate, 0..1.
        masstone: reflectance of the pigment when infinitely thick, 0..1.
        thickness: optical thickness S*X, >= 0.

    Returns:
        Reflectance of both, broadcast shape.
    """
    r = masstone.clamp(0.01, 0.97)
    a = 1 + (1 - r) ** 2 / (2 * r)
    b = torch.sqrt(a * a - 1)
    coth = 1 / torch.tanh((b * thickness).clamp(1e-3, 30.0))
    return ((1 - below * (a - b * coth)) / (a - below + b * coth)).clamp(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """`out = gain * in + offset` at each texel; both (B, 3, H, W), linear light."""

    gain: Tensor
    offset: Tensor

    @classmethod
    def identity_like(cls, image: Tensor) -> Affine:
        """The map that paints nothing."""
        return cls(torch.ones_like(image), torch.zeros_like(image))

    def __call__(self, linear: Tensor) -> Tensor:
        """Apply to linear light."""
        return self.gain * linear + self.offset

    def then(self, alpha: Tensor, gain: Tensor, offset: Tensor | float = 0.0) -> Affine:
        """Put `gain * in + offset` on top with opacity `alpha` (B, 1, H, W)."""
        through = alpha * gain + (1 - alpha)
        return Affine(through * self.gain, through * self.offset + alpha * offset)

    def replaced(self, box: tuple[slice, ...], part: Affine) -> Affine:
        """The same map with another one inside a box."""
        gain, offset = self.gain.clone(), self.offset.clone()
        gain[box], offset[box] = part.gain, part.offset
        return Affine(gain, offset)

    def packed(self) -> Tensor:
        """(B, 6, H, W): gain RGB, offset RGB."""
        return torch.cat([self.gain, self.offset], 1)


@dataclass(frozen=True, slots=True, eq=False)
class Substrate:
    """A bare face as the painter sees it; all linear light."""

    linear: Tensor  # (B, 3, A, A)
    low: Tensor  # (B, 3, A, A) the same without fine detail, over skin
    low_lips: Tensor  # (B, 3, A, A) the same, over lips
    illuminant: Tensor  # (B, 3, A, A) light that falls on each texel: white paper would look so
    skin: Tensor  # (B, 1, A, A) how surely a texel is skin, not hair, glasses or background


def pigment(
    below: Affine, low: Tensor, illuminant: Tensor, color: Tensor, thickness: Tensor | float,
    detail: Tensor | float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gain and offset of an opaque pigment layer over what is painted so far.

    Detail of the face shows through as D**detail with D = in / low, linearised around D = 1:
    matte pigment hides pores (detail < 1), gloss does not.
    """
    base = below(low).clamp_min(FLOOR)
    thick = torch.as_tensor(thickness, dtype=low.dtype, device=low.device)
    shown = kubelka_munk((base / illuminant).clamp(0.01, 0.95), color, thick) * illuminant
    return (detail * shown / base).clamp(0, 4), (1 - detail) * shown
