"""What shapes a teacher, and the presets: sizes, conditions, towers and what is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tryon.errors import ConfigError
from tryon.models.backbone import UNetConfig
from tryon.models.control import ControlConfig
from tryon.models.encoder import CLIP_VIT_L, TowerConfig
from tryon.models.encoder import COMPACT as COMPACT_TOWER
from tryon.models.encoder import COMPACT_SMALL as SMALL_TOWER
from tryon.models.tokens import TokenConfig
from tryon.types import REGIONS

PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""The noise, the velocity, or the clean latents themselves.

Latents of pictures are as rich as noise, but a makeup layer fills few of its 96 dimensions (24 hold
99 % of it). A narrow denoiser can say the layer; the noise it cannot even pass on, so it would be
left in the result (Li & He 2025, arXiv:2511.13720)."""
ATLAS_MESH = 3 + len(REGIONS)  # channels of `tryon.models.mesh_render.atlas_mesh`


@dataclass(frozen=True, slots=True)
class TeacherConfig:
    """Everything that decides a teacher's shape."""

    preset: str
    size: int  # side of the pictures
    codec: str  # vae (pictures), unshuffle or haar (layers of the atlas)
    unet: UNetConfig
    control: ControlConfig
    tokens: TokenConfig
    tower: TowerConfig
    prediction: str = "sample"  # what the denoiser gives; see `PREDICTIONS`
    zero_snr: bool = True  # the noise schedule ends in pure noise
    guidance: float = 1.0  # classifier-free guidance at inference; 1 is none
    rank: int = 0  # of the corrections of the UNet's cross-attention
    features: bool = True  # False: tokens tell nothing, and only the reference's picture is seen
    scale: tuple[float, float] = (12.0, 2.0)  # of a layer's colour and gain; both become about 0.5
    base: str = ""  # pretrained weights, a folder or a name; none: from scratch
    prompt: str = "a person with makeup"
    prompt_tokens: int = 77

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", tuple(self.scale))
        if self.size != self.unet.side * self.stride:
            raise ConfigError(f"size = {self.size}: use {self.unet.side * self.stride}.")
        if self.control.stride != self.stride:
            raise ConfigError(f"control.stride = {self.control.stride}: use {self.stride}.")
        if self.prediction not in PREDICTIONS:
            raise ConfigError(f"prediction = {self.prediction!r}: use {', '.join(PREDICTIONS)}.")
        if self.prediction == "epsilon" and self.zero_snr:
            raise ConfigError("zero_snr: pure noise tells an epsilon model nothing; turn it off.")

    @property
    def stride(self) -> int:
        """Texels of a picture in a latent, along a side."""
        return 8 if self.codec == "vae" else 4

    @property
    def modes(self) -> tuple[str, ...]:
        """Names of the conditions."""
        return tuple(name for name, _ in self.control.modes)

    def with_modes(self, *names: str) -> TeacherConfig:
        """The same teacher with only some of its conditions, for an ablation."""
        kept = tuple(mode for mode in self.control.modes if mode[0] in names)
        return replace(self, control=replace(self.control, modes=kept))

    def to_json(self) -> dict[str, object]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TeacherConfig:
        """The inverse of `to_json`."""
        parts = {
            "unet": UNetConfig(**values["unet"]),
            "control": ControlConfig(**values["control"]),
            "tokens": TokenConfig(**values["tokens"]),
            "tower": TowerConfig(**values["tower"]),
        }
        return cls(**{**values, **parts})


SD21 = TeacherConfig(
    preset="sd21", size=512, codec="vae",
    unet=UNetConfig(4, 64, (320, 640, 1280, 1280), (True, True, True, False), 2, 64, 1024),
    control=ControlConfig((("source", 3), ("mesh", 3)), 1, (16, 32, 96, 256)),
    tokens=TokenConfig(), tower=CLIP_VIT_L, prediction="epsilon", zero_snr=False, guidance=7.5,
    rank=8, base="stabilityai/stable-diffusion-2-1-base",
)  # fmt: skip
_ATLAS_MODES = (("source", 4), ("mesh", ATLAS_MESH), ("reference", 4))
COMPACT = TeacherConfig(
    preset="compact", size=256, codec="haar",
    unet=UNetConfig(96, 64, (128, 160, 192), (True, True, True), 1, 32, 256),
    control=ControlConfig(_ATLAS_MODES, 4, (128,)),
    tokens=TokenConfig(16, 256, 2, 8, 32, 4), tower=COMPACT_TOWER, prompt="", prompt_tokens=4,
)  # fmt: skip
COMPACT_SMALL = TeacherConfig(
    preset="compact-small", size=128, codec="haar",
    unet=UNetConfig(96, 32, (64, 96, 128), (True, True, True), 1, 32, 128),
    control=ControlConfig(_ATLAS_MODES, 4, (64,)),
    tokens=TokenConfig(8, 128, 2, 4, 32, 2), tower=SMALL_TOWER, prompt="", prompt_tokens=4,
)  # fmt: skip
# Looking at makeup at the finest level costs as much as all else; the reference's picture is there.
COMPACT_TINY = replace(
    COMPACT_SMALL, preset="compact-tiny",
    unet=UNetConfig(96, 32, (64, 96, 128), (False, True, True), 1, 32, 128),
)  # fmt: skip
PRESETS = {config.preset: config for config in (SD21, COMPACT, COMPACT_SMALL, COMPACT_TINY)}
