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


def _act(x: Tensor) -> Tensor:
    """Leaky, so that no channel dies.

    Plain rectifiers all died here: silence is the cheapest way to lower the loss of a random
    start, and it has no gradient back.
    """
    return F.leaky_relu(x, 0.1)


class _Conv(nn.Conv2d):
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


def _point(inputs: int, outputs: int, gain: float = 1.0) -> _Conv:
    return _Conv(inputs, outputs, side=1, gain=gain)


class _Block(nn.Module):
    """Residual block without normalisation; starts almost as the identity, so depth is safe."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(width, width), _Conv(width, width, gain=0.2)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.second(_act(self.first(x)))
        return x + residual


class _Position(nn.Module):
    """A learned map added to the features: in the atlas a texel's place is its anatomy."""

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        # Stored thin and mixed to the width by 1x1: few parameters, and a constant at run time.
        self.map = nn.Parameter(torch.randn(1, channels, side, side) * 0.5)
        self.mix = _point(channels, width, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        position: Tensor = self.map
        if x.shape[-1] != position.shape[-1]:
            position = F.interpolate(
                position, x.shape[-2:], mode="bilinear", align_corners=False, antialias=True
            )
        mixed: Tensor = self.mix(position)
        return x + mixed


def _stage(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(blocks)))


class _Trunk(nn.Module):
    """The descending path shared by both towers' design: maps at 1/4, 1/8 and 1/16."""

    def __init__(
        self, size: int, widths: tuple[int, int, int], blocks: tuple[int, int, int], position: int
    ) -> None:
        super().__init__()
        w4, w8, w16 = widths
        self.stem = _Conv(64, w4)
        self.position4 = _Position(position, size // 4, w4)
        self.down8, self.down16 = _Conv(w4, w8, stride=2), _Conv(w8, w16, stride=2)
        self.position8 = _Position(2 * position, size // 8, w8)
        self.stage4, self.stage8 = _stage(w4, blocks[0]), _stage(w8, blocks[1])
        self.stage16 = _stage(w16, blocks[2])

    def forward(self, blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of a texture given as blocks of 4 x 4 texels, (B, 64, A / 4, A / 4)."""
        h4 = self.stage4(_act(self.position4(self.stem(blocks))))
        h8 = self.stage8(_act(self.position8(self.down8(h4))))
        return h4, h8, self.stage16(_act(self.down16(h8)))


class LookEncoder(nn.Module):
    """Reference texture -> the tensors the student needs of it; runs once per look."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        w2, w4, w8, w16 = config.look_widths
        s2, s4, s8, s16 = config.widths
        self.trunk = _Trunk(config.size, (w4, w8, w16), config.look_blocks, config.position)
        self.fine = _Conv(16, w2)
        self.up8, self.up4, self.up2 = _point(w16, w8), _point(w8, w4), _point(w4, w2)
        self.mix8, self.mix4, self.mix2 = _stage(w8, 1), _stage(w4, 1), _stage(w2, 1)
        self.out2, self.out4 = _point(w2, s2, 0.5), _point(w4, s4, 0.5)
        self.out8, self.out16 = _point(w8, s8, 0.5), _point(w16, s16, 0.5)
        self.pool = _point(2 * w16, w16)
        self.film = _point(w16, 2 * s16, 0.1)

    def forward(self, reference: Tensor) -> LookFeatures:
        """Encode references.

        Args:
            reference: (B, 4, A, A) float, sRGB 0..1 + visibility 0..1; A a multiple of 16.

        Returns:
            The look's features for `Student`, computed once per look.
        """
        x = reference - 0.5
        h4, h8, h16 = self.trunk(F.pixel_unshuffle(x, 4))
        h8 = self.mix8(_act(h8 + _grow(self.up8(h16))))
        h4 = self.mix4(_act(h4 + _grow(self.up4(h8))))
        h2 = self.mix2(_act(self.fine(F.pixel_unshuffle(x, 2)) + _grow(self.up2(h4))))
        pooled = torch.cat((h16.mean((2, 3), keepdim=True), h16.amax((2, 3), keepdim=True)), dim=1)
        film = self.film(_act(self.pool(pooled)))
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
        self.trunk = _Trunk(config.size, (s4, s8, s16), config.blocks, config.position)
        self.fine = _Conv(16, s2)
        self.bottom = _stage(s16, 1)
        self.up8, self.up4, self.up2 = _point(s16, s8), _point(s8, s4), _point(s4, s2)
        self.stage8, self.stage4 = _stage(s8, config.blocks[1]), _stage(s4, config.blocks[0])
        self.stage2 = _Conv(s2, s2)
        # Small, not zero: the layer starts near the identity but every weight has a gradient.
        self.head = _Conv(s2, 24, gain=0.02)

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
        h16 = self.bottom(_act(h16 * (1.0 + scale) + shift + look16))
        h8 = self.stage8(_act(h8 + _grow(self.up8(h16)) + look8))
        h4 = self.stage4(_act(h4 + _grow(self.up4(h8)) + look4))
        h2 = _act(self.fine(fine) + _grow(self.up2(h4)) + look2)
        result: Tensor = self.head(_act(self.stage2(h2)))
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


def _grow(x: Tensor) -> Tensor:
    """Twice the side, nearest: the convolutions that follow do the smoothing."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


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
