"""The student: source face texture + reference face texture -> makeup layer, in one pass.

Two towers, so that all that depends on the reference (`LookEncoder`) runs once per look and
`Student` alone runs per frame; it never sees the frame, only the atlas.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import ConfigError
from tryon.models.towers import Conv, Trunk, act, grow, point, stage

LookFeatures = tuple[Tensor, ...]
"""What the encoder hands to the student: maps at 1/2, 1/4, 1/8 and 1/16 of the atlas, already
projected to the student's widths, then the FiLM vector (B, 2 * width16, 1, 1)."""

MAX_GAIN = 4.0
FAINT = 4.0 / 255.0
"""Change of a texel, sRGB, that is shown by half: less is a doubt rather than makeup, and fades.

A network that answers with a mean over what might be meant changes every texel a little; bare skin
should stay as it is. It costs 0.04 dB and takes a third off what a bare reference changes.
"""


@dataclass(frozen=True, slots=True)
class StudentConfig:
    """Shape of both towers; widths are channels at 1/2, 1/4, 1/8 and 1/16 of the atlas."""

    size: int = 256
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    blocks: tuple[int, int, int] = (1, 1, 1)
    look_widths: tuple[int, int, int, int] = (24, 64, 96, 128)
    look_blocks: tuple[int, int, int] = (1, 1, 2)
    position: int = 16

    def __post_init__(self) -> None:
        if self.size % 16 or self.size < 32:
            raise ConfigError(f"size = {self.size}: use a multiple of 16, at least 32.")
        for name in ("widths", "look_widths"):
            values = tuple(getattr(self, name))
            if len(values) != 4 or min(values) < 1:
                raise ConfigError(f"{name} = {values}: give four positive channel counts.")
            object.__setattr__(self, name, values)
        for name in ("blocks", "look_blocks"):
            values = tuple(getattr(self, name))
            if len(values) != 3 or min(values) < 0:
                raise ConfigError(f"{name} = {values}: give three counts, 0 or more.")
            object.__setattr__(self, name, values)
        if self.position < 1:
            raise ConfigError(f"position = {self.position}: use at least 1 channel.")

    def to_json(self) -> dict[str, object]:
        """The configuration as plain JSON values, for a manifest."""
        return asdict(self)


class LookEncoder(nn.Module):
    """Reference texture -> the tensors the student needs of it; runs once per look."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        w2, w4, w8, w16 = config.look_widths
        s2, s4, s8, s16 = config.widths
        self.trunk = Trunk(config.size, (w4, w8, w16), config.look_blocks, config.position)
        self.fine = Conv(16, w2)
        self.up8, self.up4, self.up2 = point(w16, w8), point(w8, w4), point(w4, w2)
        self.mix8, self.mix4, self.mix2 = stage(w8, 1), stage(w4, 1), stage(w2, 1)
        self.out2, self.out4 = point(w2, s2, 0.5), point(w4, s4, 0.5)
        self.out8, self.out16 = point(w8, s8, 0.5), point(w16, s16, 0.5)
        self.pool = point(2 * w16, w16)
        self.film = point(w16, 2 * s16, 0.1)

    def forward(self, reference: Tensor) -> LookFeatures:
        """Encode references.

        Args:
            reference: (B, 4, A, A) float, sRGB 0..1 + visibility 0..1; A a multiple of 16.

        Returns:
            The look's features for `Student`, computed once per look.
        """
        x = reference - 0.5
        h4, h8, h16 = self.trunk(F.pixel_unshuffle(x, 4))
        h8 = self.mix8(act(h8 + grow(self.up8(h16))))
        h4 = self.mix4(act(h4 + grow(self.up4(h8))))
        h2 = self.mix2(act(self.fine(F.pixel_unshuffle(x, 2)) + grow(self.up2(h4))))
        pooled = torch.cat((h16.mean((2, 3), keepdim=True), h16.amax((2, 3), keepdim=True)), dim=1)
        film = self.film(act(self.pool(pooled)))
        return self.out2(h2), self.out4(h4), self.out8(h8), self.out16(h16), film


class Student(nn.Module):
    """Source texture + look features -> makeup layer; the only network that runs per frame.

    The head gives the colour each texel will show, as a residual in sRGB, and the gain: how much
    of the frame's own detail shows through. The offset follows from both. Predicting the offset
    itself, in linear light, trains badly: a dark texel's error weighs 18 times a bright one's.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        s2, s4, s8, s16 = config.widths
        self.trunk = Trunk(config.size, (s4, s8, s16), config.blocks, config.position)
        self.fine = Conv(16, s2)
        self.bottom = stage(s16, 1)
        self.up8, self.up4, self.up2 = point(s16, s8), point(s8, s4), point(s4, s2)
        self.stage8, self.stage4 = stage(s8, config.blocks[1]), stage(s4, config.blocks[0])
        self.stage2 = Conv(s2, s2)
        # Small, not zero: the layer starts near the identity but every weight has a gradient.
        self.head = Conv(s2, 24, gain=0.02)

    def forward(self, source: Tensor, features: LookFeatures) -> Tensor:
        """Predict the makeup layer.

        Args:
            source: (B, 4, A, A) float, sRGB 0..1 + visibility 0..1; A a multiple of 16.
            features: of `LookEncoder`, batch B or 1 (one look for every face).

        Returns:
            (B, 6, A, A): gain RGB in [0, 4], offset RGB in [-4, 1]; linear light.
        """
        x = source - 0.5
        fine, coarse = F.pixel_unshuffle(x, 2), F.pixel_unshuffle(x, 4)
        # The residuals leave the (maybe bfloat16) network small, so they keep their precision; the
        # rest is float32.
        residuals = F.pixel_shuffle(self.residuals(fine, coarse, features), 2).float()
        if not self.training:  # a small residual must not lose its gradient
            red, green, blue = residuals[:, :3].chunk(3, dim=1)
            strength = red * red + green * green + blue * blue
            residuals = residuals * (strength / (strength + FAINT**2))
        colour, detail = residuals.chunk(2, dim=1)
        seen = source[:, :3].float()
        worn = self._limited(seen + colour, 0.0, 1.0)
        gain = self._limited(1.0 + detail, 0.0, MAX_GAIN)
        return torch.cat((gain, _to_linear(worn) - gain * _to_linear(seen)), dim=1)

    def residuals(self, fine: Tensor, coarse: Tensor, features: LookFeatures) -> Tensor:
        """The network alone, on texels packed as channels in the order of `pixel_unshuffle`.

        A runtime packs and unpacks in its own memory layout.

        Args:
            fine: (B, 16, A / 2, A / 2) the source - 0.5 in blocks of 2 x 2 texels.
            coarse: (B, 64, A / 4, A / 4) the source - 0.5 in blocks of 4 x 4 texels.
            features: of `LookEncoder`.

        Returns:
            (B, 24, A / 2, A / 2): in blocks of 2 x 2 texels, the residual of the colour, RGB, and
            of the gain, RGB.
        """
        look2, look4, look8, look16, film = features
        h4, h8, h16 = self.trunk(coarse)
        scale, shift = film.chunk(2, dim=1)
        h16 = self.bottom(act(h16 * (1.0 + scale) + shift + look16))
        h8 = self.stage8(act(h8 + grow(self.up8(h16)) + look8))
        h4 = self.stage4(act(h4 + grow(self.up4(h8)) + look4))
        h2 = act(self.fine(fine) + grow(self.up2(h4)) + look2)
        result: Tensor = self.head(act(self.stage2(h2)))
        return result

    def _limited(self, x: Tensor, low: float, high: float) -> Tensor:
        limited = torch.clamp(x, low, high)
        # The limits must not stop the gradient, or a layer that overshoots never returns.
        return x + (limited - x).detach() if self.training else limited


def _to_linear(srgb: Tensor) -> Tensor:
    """IEC 61966-2-1 within 0.005 of a level of 255, with a finite slope at 0.

    A real power of every texel would cost a runtime a tenth of the whole network; a root and a
    polynomial fitted to x^0.4 (weighted by how visible an error is) cost almost nothing.
    """
    x = (srgb.clamp(min=0.0031) + 0.055) / 1.055
    root = x.sqrt()
    power = root * -0.07020282 + 0.27440681
    for coefficient in (-0.49201532, 1.2407128, 0.04708068):
        power = power * root + coefficient
    return torch.where(srgb <= 0.04045, srgb / 12.92, power * x.square())


class TryOnModel(nn.Module):
    """Both towers together, for training and for the reference engine."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = config or StudentConfig()
        self.encoder = LookEncoder(self.config)
        self.student = Student(self.config)

    def forward(self, source: Tensor, reference: Tensor) -> Tensor:
        """Layer (B, 6, A, A) that gives each source the makeup of its reference."""
        layer: Tensor = self.student(source, self.encoder(reference))
        return layer
