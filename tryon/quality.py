"""Quality mode: stills made up by the teacher, which denoises each face's layer in several steps.

It does for a photo what a session does, far more slowly; it follows nobody and smooths nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from tryon.errors import ConfigError, MissingExtraError
from tryon.face.parser import ParserConfig, check_parser, open_parser
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.kernels.sets import CPU
from tryon.layer.composite import composite_layer
from tryon.layer.gate import FadeConfig, check_intensity, fade, gate_layer
from tryon.look.look import Look
from tryon.models.shipped import teacher_folder
from tryon.types import Face, MakeupLayer, TryOnResult, UInt8

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICES = {"auto": "", "torch": "cpu", "torch-cuda": "cuda"}
"""Backend -> device of PyTorch; auto takes the GPU if there is one."""


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """Settings of quality mode."""

    weights: Path | None = None  # folder of a teacher; None is the one that ships
    steps: int = 4  # of denoising, 1..1000
    seed: int = 0
    backend: str = "auto"  # auto, torch or torch-cuda
    parser: str = "fast"  # fast or mediapipe
    max_faces: int = 1  # 1..4

    def __post_init__(self) -> None:
        if self.backend not in DEVICES:
            raise ConfigError(
                f"the teacher cannot run on {self.backend}; use one of {', '.join(DEVICES)}"
            )
        check_parser(self.parser)
        if not 1 <= self.steps <= 1000:
            raise ConfigError(f"steps is {self.steps}; use 1 to 1000")


class QualitySession:
    """Wears a look on one still after the other, with the methods of `TryOnSession` that needs."""

    def __init__(
        self,
        config: QualityConfig | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        """Load the teacher.

        Args:
            config: settings.
            on_step: told of progress on each face: steps done, steps in all.

        Raises:
            WeightsError: there is no teacher, or its files are not as they were written.
            MissingExtraError: PyTorch, diffusers or the chosen parser is not installed.
            ConfigError: the teacher is not for stills, or there is no such device.
        """
        self.config = config or QualityConfig()
        folder = teacher_folder(self.config.weights)
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError(
                "the teacher needs PyTorch and diffusers: pip install 'tryon[train]'"
            ) from error
        from tryon.models.teacher_files import load_teacher

        device = DEVICES[self.config.backend] or ("cuda" if torch.cuda.is_available() else "cpu")
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("PyTorch sees no CUDA GPU here; use --backend torch")
        self._teacher = load_teacher(folder).to(device)
        self._parser = open_parser(self.config.parser, ParserConfig(self.config.max_faces))
        self._on_step = on_step
        self._look: Look | None = None
        self.backend = f"teacher {self._teacher.config.preset} on {device} + {self._parser.name}"

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS in the look that is worn."""
        return self._look.intensities if self._look else ()

    def set_look(self, look: Look | None) -> None:
        """Wear another look, or none; takes the look's intensities."""
        self._look = look

    def set_intensity(self, region: str, value: float) -> None:
        """Set the intensity of a region, or of `all`, 0 to 1.5.

        Raises:
            ConfigError: unknown region or value out of range.
        """
        check_intensity(region, value)
        if self._look:
            self._look = self._look.with_intensity(region, value)

    def reset(self) -> None:
        """Nothing is remembered from still to still."""

    def process(self, image: UInt8) -> TryOnResult:
        """Put the look on one still.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            The result; its image is the input array itself when nothing was painted.
        """
        faces, canvas = self._parser.detect(image), None
        for face in faces[: self.config.max_faces]:
            share = fade(face, FadeConfig())
            if self._look is None or not any(self._look.intensities) or share == 0:
                continue
            canvas = canvas or CPU.canvas(image, [face.landmarks])
            composite_layer(canvas, face, self._layer(image, face, self._look, share))
        out = CPU.store(canvas) if canvas else image
        return TryOnResult(out, tuple(faces), backend=self.backend)

    def _layer(self, image: UInt8, face: Face, look: Look, share: float) -> MakeupLayer:
        """What one face wears, as strong as it is asked for."""
        from tryon.models.sampling import SampleConfig
        from tryon.models.still import Reference, fit_texture, make_up

        size = self._teacher.config.size
        source = unwrap_face(image, face, size)
        layer = make_up(
            self._teacher,
            source,
            [Reference(fit_texture(p.texture, size), p.shares) for p in look.references],
            region_masks(size).weights,
            tuple(np.sign(look.intensities)),
            SampleConfig(self.config.steps, seed=self.config.seed),
            self._on_step,
        )
        return gate_layer(layer, source.visibility, look.intensities, share)

    def close(self) -> None:
        """Free the parser."""
        self._parser.close()

    def __enter__(self) -> QualitySession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def bare_look() -> Look:
    """The free portrait's bare face as a look: wearing it takes makeup off."""
    from tryon.cosmetics.style import MakeupStyle
    from tryon.look.products import look_of_style

    return look_of_style(MakeupStyle(), "bare")
