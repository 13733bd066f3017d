"""The parts that diffusers lends: UNet, ControlNet, autoencoder and sampler.

The only file that imports diffusers, and only when a part is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from tryon.errors import ConfigError, MissingExtraError, WeightsError


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """A UNet to be trained from scratch; one entry a level, finest first."""

    channels: int  # of the latents
    side: int  # of the latents
    widths: tuple[int, ...]
    attention: tuple[bool, ...]  # which levels look at text and makeup
    layers: int = 2
    head_width: int = 32
    context: int = 256  # width of text and makeup tokens

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "attention", tuple(self.attention))
        if len(self.widths) != len(self.attention):
            raise ConfigError(f"attention = {self.attention}: give a value for each width.")
        if any(width % self.head_width for width in self.widths):
            raise ConfigError(f"widths = {self.widths}: use multiples of {self.head_width}.")


def _diffusers() -> Any:
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtraError(
            "The teacher needs diffusers: pip install 'tryon[train]'."
        ) from error
    diffusers.utils.logging.set_verbosity_error()
    return diffusers


def new_unet(config: UNetConfig) -> Any:
    """A UNet with random weights."""
    down = ["CrossAttnDownBlock2D" if look else "DownBlock2D" for look in config.attention]
    up = ["CrossAttnUpBlock2D" if look else "UpBlock2D" for look in reversed(config.attention)]
    return _diffusers().UNet2DConditionModel(
        sample_size=config.side,
        in_channels=config.channels,
        out_channels=config.channels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=config.widths,
        layers_per_block=config.layers,
        cross_attention_dim=config.context,
        # diffusers calls the number of heads so.
        attention_head_dim=tuple(width // config.head_width for width in config.widths),
        norm_num_groups=min(32, config.head_width),
        use_linear_projection=True,
    )


def new_control(unet: nn.Module) -> Any:
    """A ControlNet whose weights start as the UNet's; its condition enters as features."""
    net = _diffusers().ControlNetModel.from_unet(unet)
    net.controlnet_cond_embedding = nn.Identity()
    return net


def new_sampler(prediction: str, zero_snr: bool) -> Any:
    """The DDIM sampler (Song et al. 2021), eta 0, of Stable Diffusion's noise schedule.

    Args:
        prediction: what the denoiser gives, `epsilon`, `v_prediction` or `sample`.
        zero_snr: end in pure noise (Lin et al. 2024), so that few steps are enough.
    """
    return _diffusers().DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type=prediction,
        rescale_betas_zero_snr=zero_snr,
        timestep_spacing="trailing",
    )


def pretrained_unet(base: str | Path) -> Any:
    """The UNet of a Stable Diffusion folder or hub name."""
    return pretrained(_diffusers().UNet2DConditionModel, base, "unet")


def pretrained_vae(base: str | Path) -> Any:
    """The autoencoder of a Stable Diffusion folder or hub name."""
    return pretrained(_diffusers().AutoencoderKL, base, "vae")


def pretrained(kind: Any, base: str | Path, part: str = "") -> Any:
    """One part of a model folder, or of a model of the hub.

    Args:
        kind: the class, of diffusers or transformers.
        base: folder, or name on the hub.
        part: subfolder.

    Raises:
        WeightsError: it is not there, or its files do not fit together.
    """
    options = {"subfolder": part} if part else {}
    if Path(base).is_dir():
        options["local_files_only"] = True  # type: ignore[assignment]
    try:
        return kind.from_pretrained(str(base), **options)
    except Exception as error:  # whatever a hub client raises, the remedy is the same
        where = f"{part} of {base}" if part else str(base)
        reason = (str(error).splitlines() or [""])[0][:120]
        raise WeightsError(
            f"No usable {where} ({type(error).__name__}: {reason}); download the model and give "
            "its folder."
        ) from error


def check_shape(unet: Any, channels: int, context: int) -> None:
    """Refuse a UNet that is not of the wanted kind.

    Raises:
        WeightsError: it has other channels or another cross-attention width.
    """
    wanted = {"in_channels": channels, "out_channels": channels, "cross_attention_dim": context}
    wrong: Sequence[str] = [
        f"{name} is {getattr(unet.config, name)}, not {value}"
        for name, value in wanted.items()
        if getattr(unet.config, name) != value
    ]
    if wrong:
        raise WeightsError(
            f"This UNet does not fit: {'; '.join(wrong)}. Give the weights of "
            "stable-diffusion-2-1-base."
        )
