"""Structural likeness of two pictures under a mask: MS-SSIM and GMSD, under their own names.

Both are formulas on pixels. They stand next to LPIPS, which needs a pretrained network, and never
in its place.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003
_LUMA = (0.299, 0.587, 0.114)


def ssim_maps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Wang et al. 2004 with the Gaussian window of sigma 1.5, on luma.

    Args:
        first: (B, 1, H, W) in 0..1, sides above 11.
        second: the same shape.

    Returns:
        SSIM and its contrast-structure part, each (B, 1, H - 10, W - 10).
    """
    x = torch.arange(-5.0, 6.0, dtype=first.dtype)
    kernel = torch.exp(-0.5 * (x / 1.5) ** 2)
    window = torch.outer(kernel, kernel)[None, None] / kernel.sum() ** 2

    def blur(image: Tensor) -> Tensor:
        return F.conv2d(image, window)

    m1, m2 = blur(first), blur(second)
    v1, v2 = blur(first * first) - m1 * m1, blur(second * second) - m2 * m2
    covariance = blur(first * second) - m1 * m2
    structure = (2 * covariance + 0.03**2) / (v1 + v2 + 0.03**2)
    return structure * (2 * m1 * m2 + 0.01**2) / (m1 * m1 + m2 * m2 + 0.01**2), structure


def ms_ssim(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Multi-scale SSIM (Wang et al. 2003), the mean of each scale taken under a mask.

    Args:
        first: (B, 3, A, A) sRGB 0..1, A at least 176 for the five scales.
        second: the same shape.
        mask: (B, 1, A, A) weights 0..1.

    Returns:
        (B,); 1 for equal pictures.
    """
    a, b = _luma(first), _luma(second)
    result = torch.ones(len(a), dtype=a.dtype)
    for scale, power in enumerate(SCALES):
        full, structure = ssim_maps(a, b)
        last = scale == len(SCALES) - 1
        inner = mask[..., 5:-5, 5:-5]
        mean = ((full if last else structure) * inner).sum((1, 2, 3)) / inner.sum((1, 2, 3))
        result = result * mean.clamp_min(1e-6) ** power
        a, b, mask = (F.avg_pool2d(image, 2) for image in (a, b, mask))
    return result


def gmsd(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation (Xue et al. 2014) under a mask.

    Args:
        first: (B, 3, H, W) sRGB 0..1.
        second: the same shape.
        mask: (B, 1, H, W) weights 0..1.

    Returns:
        (B,); 0 for equal pictures, larger is worse.
    """
    a, b, weight = (F.avg_pool2d(image, 2) for image in (_luma(first), _luma(second), mask))
    prewitt = torch.tensor([[1.0, 0, -1]] * 3, dtype=a.dtype) / 3
    kernels = torch.stack([prewitt, prewitt.T])[:, None]

    def magnitude(image: Tensor) -> Tensor:
        return F.conv2d(image, kernels).square().sum(1, keepdim=True).sqrt()

    m1, m2, weight = magnitude(a), magnitude(b), weight[..., 1:-1, 1:-1]
    likeness = (2 * m1 * m2 + 0.0026) / (m1 * m1 + m2 * m2 + 0.0026)
    total = weight.sum((1, 2, 3))
    mean = (likeness * weight).sum((1, 2, 3)) / total
    variance = ((likeness - mean[:, None, None, None]).square() * weight).sum((1, 2, 3)) / total
    return variance.sqrt()


def _luma(image: Tensor) -> Tensor:
    weights = torch.tensor(_LUMA, dtype=image.dtype)[None, :, None, None]
    return (image * weights).sum(1, keepdim=True)
