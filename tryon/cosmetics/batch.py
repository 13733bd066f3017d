"""Styles as tensors: settings stacked over a batch, colours in linear light, finishes as numbers.

It only translates; where and how a layer is painted is no business of its.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tryon.cosmetics.pigment import to_linear
from tryon.cosmetics.schema import Choice, Colour, rules
from tryon.cosmetics.style import LAYERS, MakeupStyle


@dataclass(frozen=True, slots=True)
class Finish:
    """What a finish does to light."""

    detail: float  # share of the skin's own detail that shows through
    cover: float = 1.0  # share of the coverage asked for
    gloss: float = 0.0  # how much the highlights that are there are lifted
    sheen: float = 0.0  # broad light where the surface faces the lamp
    glint: float = 0.0  # flakes


FINISH: dict[str, Finish] = {
    "sheer": Finish(1.0, cover=0.55, gloss=0.10),
    "satin": Finish(0.90, gloss=0.20, sheen=0.02),
    "matte": Finish(0.72),
    "gloss": Finish(1.0, cover=0.88, gloss=1.0, sheen=0.05),
    "shimmer": Finish(0.95, cover=0.95, gloss=0.35, sheen=0.12, glint=0.45),
    "metallic": Finish(1.0, gloss=0.70, sheen=0.38, glint=0.30),
    "glitter": Finish(0.95, gloss=0.20, sheen=0.08, glint=1.7),
}


class StyleBatch:
    """Styles as tensors: `batch("lips", "opacity")` is (S, 1, 1, 1), a colour (S, 3, 1, 1).

    One style serves any number of faces; else there are as many styles as faces.
    """

    def __init__(self, styles: Sequence[MakeupStyle], device: str | torch.device = "cpu") -> None:
        self.styles = tuple(styles)
        self.device = torch.device(device)
        self._values: dict[tuple[str, str], Tensor] = {}
        self._used = {n: any(getattr(s, n).opacity > 0 for s in self.styles) for n in LAYERS}

    def __len__(self) -> int:
        return len(self.styles)

    def __call__(self, layer: str, name: str) -> Tensor:
        """Values of one setting; colours come in linear light, 0 for a word."""
        key = (layer, name)
        if key not in self._values:
            self._values[key] = self._stack(layer, name)
        return self._values[key]

    def put(self, layer: str, name: str, value: Tensor) -> None:
        """Replace a setting, as to follow its gradient: (S, 1, 1, 1), or (S, 3, 1, 1) linear."""
        self._values[layer, name] = value

    def colour(self, layer: str, name: str, otherwise: Tensor) -> Tensor:
        """A colour that may be given as a word, which stands for `otherwise` (B, 3, 1, 1)."""
        words = [not value.startswith("#") for value in self.words(layer, name)]
        if not any(words):
            return self(layer, name)
        given = torch.tensor(words, device=self.device)[:, None, None, None]
        return torch.where(given, otherwise, self(layer, name))

    def words(self, layer: str, name: str) -> list[str]:
        """The setting of each style as it is written."""
        return [str(getattr(getattr(style, layer), name)) for style in self.styles]

    def table(self, layer: str, name: str, table: Mapping[str, float]) -> Tensor:
        """(S, 1, 1, 1) what a table says for a word; 0 where it says nothing."""
        return self._column([table.get(word, 0.0) for word in self.words(layer, name)])

    def finish(self, layer: str, part: str) -> Tensor:
        """(S, 1, 1, 1) one number of each style's finish: detail, cover, gloss, sheen, glint."""
        return self._column([getattr(FINISH[w], part) for w in self.words(layer, "finish")])

    def has(self, layer: str, part: str) -> bool:
        """Whether the finish of any style has some gloss, sheen or glint."""
        return any(getattr(FINISH[word], part) > 0 for word in self.words(layer, "finish"))

    def numbers(self, layer: str, shape: tuple[int, ...], normal: bool = False) -> Tensor:
        """(S, *shape) random numbers that belong to the seed of a layer."""
        drawn = []
        for style in self.styles:
            generator = torch.Generator().manual_seed(int(getattr(style, layer).seed * 2**31))
            draw = torch.randn if normal else torch.rand
            drawn.append(draw(shape, generator=generator))
        return torch.stack(drawn).to(self.device)

    def used(self, layer: str) -> bool:
        """Whether any style of the batch has this layer."""
        return self._used[layer]

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)[:, None, None, None]

    def _stack(self, layer: str, name: str) -> Tensor:
        values = [getattr(getattr(style, layer), name) for style in self.styles]
        rule = rules(LAYERS[layer])[name]
        if isinstance(rule, Colour):
            plain = [v if v.startswith("#") else "#000000" for v in values]
            rgb = [[int(v[i : i + 2], 16) / 255 for i in (1, 3, 5)] for v in plain]
            return to_linear(torch.tensor(rgb, device=self.device))[:, :, None, None]
        if isinstance(rule, Choice):
            raise TypeError(f"{layer}.{name} is a word; use words() or table()")
        return self._column(values)
