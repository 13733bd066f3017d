"""The teacher: a diffusion model that puts the makeup of one picture on another, region by region.

One set of classes, several presets: `sd21` denoises pictures with Stable Diffusion's weights,
`compact` denoises makeup layers of the atlas with its own. Sampling and files are elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from tryon.errors import ConfigError
from tryon.models.attention import attention_maps, install, makeup_layers, recording
from tryon.models.backbone import UNetConfig, new_control, new_sampler, new_unet
from tryon.models.codec import Codec, LayerCodec
from tryon.models.control import ControlConfig, ControlUnion
from tryon.models.encoder import CLIP_VIT_L, ImageTower, TowerConfig, new_tower
from tryon.models.encoder import COMPACT as COMPACT_TOWER
from tryon.models.encoder import COMPACT_SMALL as SMALL_TOWER
from tryon.models.tokens import Resampler, TokenConfig, blend, group_masks
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


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """Who is to be made up."""

    source: Tensor  # (B, 3 or 4, S, S) sRGB 0..1; in the atlas with visibility
    mesh: Tensor  # (B, c, S, S) 0..1, of `tryon.models.mesh_render`


@dataclass(frozen=True, slots=True, eq=False)
class Makeup:
    """What is to be worn; made once for a look."""

    tokens: Tensor  # (B, count, D) in groups, see `tryon.models.tokens`
    picture: Tensor  # (B, c, S, S) the reference itself, for teachers that look at it

    def mixed(self, others: Mapping[str, tuple[Makeup, float]], regions: Tensor) -> Makeup:
        """Regions of other looks, by strength: tokens by groups, the picture by masks.

        Args:
            others: region of `TOKEN_REGIONS` -> look and strength, 0 (stays) to 1 (replaced).
            regions: (R, S, S) weights of the atlas regions.
        """
        masks = group_masks(regions)
        picture = self.picture
        for index, name in enumerate(("skin", "eyes", "nose", "lips")):
            if name in others and picture.shape[-1] == masks.shape[-1]:
                other, strength = others[name]
                picture = picture + strength * masks[index] * (other.picture - self.picture)
        tokens = blend(self.tokens, {n: (look.tokens, s) for n, (look, s) in others.items()})
        return Makeup(tokens, picture)


@dataclass(frozen=True, slots=True, eq=False)
class Splice:
    """What each face of a batch takes from its reference; of the rest it keeps what it wears."""

    groups: Tensor  # (B, 4) 1 or 0: tokens, in the order of `TOKEN_REGIONS`
    where: Tensor  # (B, 1, S, S) 0..1: the picture

    def of(self, own: Makeup, other: Makeup) -> Makeup:
        """The face's own makeup, but for what is taken from the other."""
        per_region = own.tokens.shape[1] // self.groups.shape[1]
        shares = self.groups.repeat_interleave(per_region, 1)[..., None]
        tokens = own.tokens + shares * (other.tokens - own.tokens)
        return Makeup(tokens, own.picture + self.where * (other.picture - own.picture))


class Teacher(nn.Module):
    """Denoiser, control, tokens and towers together."""

    def __init__(
        self, config: TeacherConfig, unet: Any, codec: nn.Module, tower: nn.Module, prompts: Tensor
    ) -> None:
        """Put a teacher together.

        Args:
            config: its configuration.
            unet: diffusers' UNet; gets its makeup layers here.
            codec: of `tryon.models.codec`.
            tower: image tower of the references.
            prompts: (2, P, D) text tokens: of the prompt, and of the empty one.
        """
        super().__init__()
        self.config = config
        self.control = ControlUnion(config.control, new_control(unet))
        install(unet, config.tokens.count, config.rank)
        self.unet, self.coder, self.tower = unet, codec, tower
        self.resampler = Resampler(
            config.tokens, config.tower.width, config.tower.features, config.unet.context
        )
        self.prompts = nn.Parameter(prompts, requires_grad=not config.base)
        self.noising = new_sampler(config.prediction, config.zero_snr)
        if config.base:  # what was pretrained stays, but for the makeup layers
            unet.requires_grad_(False)
            for layer in makeup_layers(unet):
                layer.requires_grad_(True)
            tower.requires_grad_(False)

    @property
    def codec(self) -> Codec:
        """The codec, as its protocol."""
        return self.coder  # type: ignore[return-value]

    def look(self, reference: Tensor, keep: Tensor | None = None) -> Makeup:
        """Makeup of references (B, c, S, S); where `keep` (B,) is 0, the makeup of none at all.

        None at all is the resampler's answer to zero features: what guidance starts from.
        """
        tower: ImageTower = self.tower  # type: ignore[assignment]
        features = tower.features(reference)
        if not self.config.features:
            features = torch.zeros_like(features)
        if keep is not None:
            features = features * keep[:, None, None]
            reference = reference * keep[:, None, None, None]
        return Makeup(self.resampler(features), reference)

    def denoise(
        self, noisy: Tensor, time: Tensor, condition: Condition, makeup: Makeup, prompt: Tensor
    ) -> Tensor:
        """One call of the networks.

        Args:
            noisy: (B, C, s, s) latents.
            time: (B,) steps of the noise schedule, 0..999.
            condition: who.
            makeup: what.
            prompt: (B,) 1 with the prompt, 0 with the empty one.

        Returns:
            (B, C, s, s) as `TeacherConfig.prediction` says.
        """
        pictures = {"source": condition.source, "mesh": condition.mesh, "reference": makeup.picture}
        empty = self.prompts[1].expand(len(noisy), -1, -1)
        text = torch.where(prompt[:, None, None] > 0, self.prompts[0], empty)
        down, middle = self.control(noisy, time, empty, [pictures[m] for m in self.config.modes])
        denoised: Tensor = self.unet(
            noisy,
            time,
            torch.cat((text, makeup.tokens), 1),
            down_block_additional_residuals=list(down),
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return denoised

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        condition: Condition,
        reference: Tensor,
        keep: tuple[Tensor, Tensor, Tensor],
        splice: Splice | None = None,
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """A training step's view.

        Args:
            noisy: (B, C, s, s) latents.
            time: (B,) steps of the noise schedule.
            condition: who.
            reference: (B, c, S, S) picture of the makeup.
            keep: (B,) each, 1 or 0: the prompt, the makeup's tokens, the makeup's picture.
            splice: what is taken from the references; None takes all.

        Returns:
            Prediction, and attention logits (B, 4, side, side) by side.
        """
        prompt, tokens, picture = keep
        makeup = self.look(reference, tokens)
        if splice is not None:
            makeup = splice.of(self.look(condition.source), makeup)
        shown = makeup.picture * picture[:, None, None, None]
        with recording(self.unet):
            denoised = self.denoise(noisy, time, condition, Makeup(makeup.tokens, shown), prompt)
            return denoised, dict(attention_maps(self.unet))


def new_teacher(config: TeacherConfig, tower: nn.Module | None = None) -> Teacher:
    """A teacher to be trained from scratch.

    Args:
        config: without `base`.
        tower: a trained image tower of the configuration's shape; None for a new one.

    Raises:
        ConfigError: the preset needs pretrained weights.
    """
    if config.base:
        raise ConfigError(f"{config.preset} starts from pretrained weights: give their folder.")
    prompts = torch.randn(2, config.prompt_tokens, config.unet.context) * 0.02
    levels = config.stride.bit_length() - 1
    codec = LayerCodec(config.codec, levels, config.scale)
    unet = new_unet(config.unet)
    for parameter in unet.conv_out.parameters():  # the first guess is no noise and no makeup
        nn.init.zeros_(parameter)
    return Teacher(config, unet, codec, tower or new_tower(config.tower), prompts)
