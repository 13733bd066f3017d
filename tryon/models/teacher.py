"""The teacher: a diffusion model that puts the makeup of one picture on another, region by region.

One set of classes, several presets: `sd21` denoises pictures with Stable Diffusion's weights,
`compact` denoises makeup layers of the atlas with its own. Sampling and files are elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tryon.errors import ConfigError
from tryon.models.attention import attention_maps, install, makeup_layers, recording
from tryon.models.backbone import new_control, new_sampler, new_unet
from tryon.models.codec import Codec, LayerCodec
from tryon.models.control import ControlUnion
from tryon.models.encoder import ImageTower, new_tower
from tryon.models.teacher_config import TeacherConfig
from tryon.models.tokens import Resampler, blend, group_masks


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
