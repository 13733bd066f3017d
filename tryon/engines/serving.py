"""The student as a module that runtimes can be built from: the engines' layout, constant kernels.

It turns trained networks into one plain module and example inputs; it knows no runtime.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tryon.models.weights import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from tryon.models.student import Student


def serving_module(student: Student) -> nn.Module:
    """The student as engines run it: textures in, layers out, in the engines' own layout.

    Its kernels, which training computes from weights and gains, become constants. The module
    works in whatever precision it is cast to; textures and layers are float32.

    Returns:
        `forward(textures (N, A, A, 4), *five features) -> (N, A, A, 6)`.
    """
    from torch import nn

    class Serving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student = _with_constant_kernels(student)

        def forward(
            self, textures: Tensor, half: Tensor, quarter: Tensor, eighth: Tensor,
            sixteenth: Tensor, film: Tensor,
        ) -> Tensor:  # fmt: skip
            source = textures.permute(0, 3, 1, 2).to(half.dtype)
            layer: Tensor = self.student(source, (half, quarter, eighth, sixteenth, film))
            return layer.permute(0, 2, 3, 1).float().contiguous()

    return Serving().eval().requires_grad_(False)


def example_inputs(folder: Path, faces: int, device: str, dtype: Any) -> tuple[Tensor, ...]:
    """Inputs of the right shapes, for export: textures, then a look's features."""
    import torch

    model = load_model(folder)
    side = model.config.size
    textures = torch.zeros((faces, side, side, 4))
    with torch.no_grad():  # not inference mode, whose tensors cannot be exported
        features = model.encoder(textures[:1].permute(0, 3, 1, 2))
    return textures.to(device), *(f.to(device, dtype) for f in features)


def _with_constant_kernels(module: nn.Module) -> nn.Module:
    """A copy whose convolutions are plain ones with the kernels they really use."""
    from torch import nn

    result = copy.deepcopy(module)
    for parent in list(result.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                setattr(parent, name, _plain(child))
    return result


def _plain(convolution: nn.Conv2d) -> nn.Conv2d:
    import torch
    from torch import nn

    used: list[tuple[Tensor, Tensor | None]] = []

    def note(x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
        used.append((kernels, bias))
        return x

    convolution._conv_forward = note  # type: ignore[method-assign, assignment]
    with torch.no_grad():
        convolution(torch.zeros((1, convolution.in_channels, 8, 8)))
    ((kernels, bias),) = used
    c = convolution
    plain = nn.Conv2d(
        c.in_channels, c.out_channels, c.kernel_size, c.stride, c.padding,  # type: ignore[arg-type]
        bias=bias is not None,
    )  # fmt: skip
    plain.weight = nn.Parameter(kernels.detach().clone())
    if bias is not None:
        plain.bias = nn.Parameter(bias.detach().clone())
    return plain
