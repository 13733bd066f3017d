"""What both towers of the student are made of: convolutions without statistics of the batch.

Everything works on maps (B, C, H, W), whose places are places of the atlas.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def act(x: Tensor) -> Tensor:
    """Leaky, so that no channel dies.

    Plain rectifiers all died here: silence is the cheapest way to lower the loss of a random
    start, and it has no gradient back.
    """
    return F.leaky_relu(x, 0.1)


class Conv(nn.Conv2d):
    """A convolution whose kernels have unit norm times a learned gain.

    It keeps training stable at a high rate without any statistics of the batch; at run time
    the kernels are constants.
    """

    def __init__(
        self, inputs: int, outputs: int, side: int = 3, stride: int = 1, gain: float = 1.4
    ) -> None:
        super().__init__(inputs, outputs, side, stride, side // 2)
        nn.init.normal_(self.weight, std=(inputs * side * side) ** -0.5)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self.gain = nn.Parameter(torch.full((outputs,), gain))

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        norm = self.weight.float().square().sum((1, 2, 3)).add(1e-8).rsqrt()
        kernels = self.weight * (self.gain * norm)[:, None, None, None]
        result: Tensor = self._conv_forward(input, kernels, self.bias)
        return result


def point(inputs: int, outputs: int, gain: float = 1.0) -> Conv:
    """A convolution of single texels: another number of channels."""
    return Conv(inputs, outputs, side=1, gain=gain)


class Block(nn.Module):
    """Residual block without normalisation; starts almost as the identity, so depth is safe."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Conv(width, width), Conv(width, width, gain=0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Two convolutions and what came in, (B, C, H, W)."""
        residual: Tensor = self.second(act(self.first(x)))
        return x + residual


class Position(nn.Module):
    """A learned map added to the features: in the atlas a texel's place is its anatomy."""

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        # Stored thin and mixed to the width by 1x1: few parameters, and a constant at run time.
        self.map = nn.Parameter(torch.randn(1, channels, side, side) * 0.5)
        self.mix = point(channels, width, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Add the map, resized to (B, C, H, W)."""
        position: Tensor = self.map
        if x.shape[-1] != position.shape[-1]:
            position = F.interpolate(
                position, x.shape[-2:], mode="bilinear", align_corners=False, antialias=True
            )
        mixed: Tensor = self.mix(position)
        return x + mixed


def stage(width: int, blocks: int) -> nn.Sequential:
    """So many blocks in a row."""
    return nn.Sequential(*(Block(width) for _ in range(blocks)))


class Trunk(nn.Module):
    """The descending path shared by both towers' design: maps at 1/4, 1/8 and 1/16."""

    def __init__(
        self, size: int, widths: tuple[int, int, int], blocks: tuple[int, int, int], position: int
    ) -> None:
        super().__init__()
        w4, w8, w16 = widths
        self.stem = Conv(64, w4)
        self.position4 = Position(position, size // 4, w4)
        self.down8, self.down16 = Conv(w4, w8, stride=2), Conv(w8, w16, stride=2)
        self.position8 = Position(2 * position, size // 8, w8)
        self.stage4, self.stage8 = stage(w4, blocks[0]), stage(w8, blocks[1])
        self.stage16 = stage(w16, blocks[2])

    def forward(self, blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of a texture given as blocks of 4 x 4 texels, (B, 64, A / 4, A / 4)."""
        h4 = self.stage4(act(self.position4(self.stem(blocks))))
        h8 = self.stage8(act(self.position8(self.down8(h4))))
        return h4, h8, self.stage16(act(self.down16(h8)))


def grow(x: Tensor) -> Tensor:
    """Twice the side, nearest: the convolutions that follow do the smoothing."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
