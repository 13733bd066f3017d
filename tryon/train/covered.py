"""A set of faces with things in front, and where: what the occlusion network is taught.

`tryon.train.covering` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from tryon.errors import ConfigError

KINDS = ("none", "hand", "thing", "both")
"""What is in front of a face."""


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """N faces in the atlas, uint8."""

    texture: Tensor  # (N, 4, S, S) sRGB and visibility
    hidden: Tensor  # (N, 1, S, S) how much of each texel is covered
    known: Tensor  # (N, 1, S, S) how surely that is the truth
    kind: Tensor  # (N,) place in KINDS
    painted: Tensor  # (N,) 1: the face wears makeup
    split: Tensor  # (N,) 0 train, 1 val, 2 test

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: getattr(self, name) for name in self.__slots__}, path)

    @classmethod
    def load(cls, path: Path) -> Covered:
        """Read what `save` wrote.

        Raises:
            ConfigError: it is not there.
        """
        from safetensors.torch import load_file

        if not path.is_file():
            raise ConfigError(f"no faces at {path}; make them with python -m tryon.train.covering")
        return cls(**load_file(path))

    def of(self, split: int) -> Covered:
        """Those of one split."""
        chosen = self.split == split
        return Covered(**{name: getattr(self, name)[chosen] for name in self.__slots__})
