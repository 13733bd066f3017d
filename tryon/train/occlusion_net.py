"""The network that sees what is in front of a face, in PyTorch, and its graph for the runtime.

It is trained by `tryon.train.occlusion` and run by `tryon.face.occlusion`, which knows no PyTorch.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tryon.face.occlusion import INPUT, OUTPUT

STEM_STRIDE, STEM_PAD = 2, 1


class OcclusionNet(nn.Module):
    """Atlas texture -> logits of something being in front; a U-Net that works at half its side."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 96)) -> None:
        super().__init__()
        self.centred = True
        self.stem = _normed(4, widths[0], 4, STEM_STRIDE)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(_normed(a, b, 3, 2) for a, b in pairs)
        self.blocks = nn.ModuleList(_Block(b) for b in widths[1:])
        self.whole = nn.Linear(widths[-1], widths[-1])
        self.up = nn.ModuleList(_normed(b, a, 1, 1) for a, b in reversed(pairs))
        self.after = nn.ModuleList(_Block(a) for a, _ in reversed(pairs))
        self.head = nn.Conv2d(widths[0], 4, 3, 1, 1)

    def forward(self, texture: Tensor) -> Tensor:
        """(B, 4, S, S) sRGB and visibility, 0..1 -> (B, 1, S, S) logits."""
        x = F.relu(self.stem(2 * texture - 1 if self.centred else texture))
        skips = []
        for down, block in zip(self.down, self.blocks, strict=True):
            skips.append(x)
            x = block(F.relu(down(x)))
        x = x + F.conv2d(x.mean((2, 3), True), self.whole.weight[:, :, None, None], self.whole.bias)
        for up, after in zip(self.up, self.after, strict=True):
            x = F.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = after(F.relu(x + skips.pop()))
        logits: Tensor = F.pixel_shuffle(self.head(x), 2)
        return logits


def _normed(before: int, after: int, side: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(before, after, side, stride, (side - 1) // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


class _Block(nn.Module):
    """One 3x3 convolution at 16 channels, where texels are many; else two."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _normed(width, width, 3, 1)
        self.second = _normed(width, width, 3, 1) if width > 16 else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        if self.second is not None:
            y = self.second(F.relu(y))
        return F.relu(x + y)


class _Graph(nn.Module):
    """The network on the whole atlas, as unwrapping leaves it: its first kernels average, too."""

    def __init__(self, model: OcclusionNet) -> None:
        super().__init__()
        step = INPUT // OUTPUT
        first = model.stem[0]
        assert isinstance(first, nn.Conv2d)
        out, _, side, _ = first.weight.shape
        wide = nn.Conv2d(4, out, step * side, step * STEM_STRIDE, step * STEM_PAD)
        kernels = first.weight.detach().repeat_interleave(step, 2).repeat_interleave(step, 3)
        # What the model makes of 2 x - 1 is made of x; only beyond the atlas' border it differs.
        wide.weight = nn.Parameter(2 * kernels / step**2)
        wide.bias = nn.Parameter(-first.weight.detach().sum((1, 2, 3)))
        self.model = deepcopy(model)
        self.model.stem[0] = wide
        self.model.centred = False

    def forward(self, texture: Tensor) -> Tensor:
        """(1, 256, 256, 4) sRGB and visibility -> (1, 1, 128, 128) probability of being hidden."""
        found: Tensor = self.model(texture.permute(0, 3, 1, 2)).sigmoid()
        return found


def export_graph(model: OcclusionNet, folder: Path) -> None:
    """Write the graph that `tryon.face.occlusion` runs: `occlusion.xml` and `.bin`."""
    from tryon._openvino import load_openvino

    ov = load_openvino()
    example = torch.rand(1, INPUT, INPUT, 4)
    graph = ov.convert_model(_Graph(model).eval(), example_input=example, input=list(example.shape))
    ov.save_model(graph, folder / "occlusion.xml", compress_to_fp16=True)
