"""Looks, styles and words -> makeup vectors of length 1, by the makeup encoder.

Vectors of one encoder are compared by their dot product. PyTorch is loaded when a `MakeupVectors`
is made, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tryon.cosmetics.style import MakeupStyle
from tryon.errors import MissingExtraError
from tryon.look.look import Look
from tryon.look.products import look_of_style
from tryon.models.shipped import encoder_folder
from tryon.types import Float32

BATCH = 16


class MakeupVectors:
    """A loaded makeup encoder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load it.

        Args:
            folder: of a makeup encoder; None takes the one that ships.

        Raises:
            WeightsError: there is none, or its files are not as they were written.
            MissingExtraError: PyTorch is not installed.
        """
        folder = encoder_folder(folder)
        try:
            from tryon.models.teacher_files import load_encoder
        except ImportError as error:
            raise MissingExtraError(
                "makeup vectors need PyTorch and safetensors: pip install 'tryon[train]'"
            ) from error
        self._encoder = load_encoder(folder)

    def of_looks(self, looks: Sequence[Look]) -> Float32:
        """(N, E) vectors of what looks amount to."""
        import torch

        found = []
        with torch.no_grad():
            for start in range(0, len(looks), BATCH):
                some = looks[start : start + BATCH]
                seen = [np.concatenate((x.colour, x.visibility[..., None]), -1) for x in some]
                pictures = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2).float() / 255
                found.append(self._encoder.of_pictures(pictures))
        vectors: Float32 = torch.cat(found).float().numpy()
        return vectors

    def of_styles(self, styles: Sequence[MakeupStyle]) -> Float32:
        """(N, E) vectors of styles, painted on the free portrait."""
        return self.of_looks([look_of_style(style) for style in styles])

    def of_texts(self, texts: Sequence[str]) -> Float32:
        """(N, E) vectors of descriptions."""
        import torch

        with torch.no_grad():
            found: Float32 = self._encoder.of_texts(list(texts)).float().numpy()
        return found
