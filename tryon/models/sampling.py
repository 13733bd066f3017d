"""Pure noise -> a result, in a few denoising steps; what may not change is put back at every step.

Deterministic for a seed. It never trains, and never looks at a picture but through the teacher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tryon.errors import ConfigError
from tryon.models.backbone import new_sampler
from tryon.models.teacher import Condition, Makeup, Teacher
from tryon.models.tokens import TOKEN_REGIONS, group_masks

OnStep = Callable[[int, int], None]
"""(steps done, steps in all)"""


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """How a result is drawn."""

    steps: int = 10
    guidance: float | None = None  # None: the teacher's own
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise ConfigError(f"steps = {self.steps}: use 1..1000.")
        if self.guidance is not None and not 0 <= self.guidance <= 50:
            raise ConfigError(f"guidance = {self.guidance}: use 0..50.")


@torch.no_grad()
def sample(
    teacher: Teacher,
    condition: Condition,
    makeup: Makeup,
    mask: Tensor,
    config: SampleConfig | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Put makeup on faces.

    Args:
        teacher: in evaluation mode.
        condition: B faces.
        makeup: of B looks, or of one for all.
        mask: (B or 1, 1, S, S) 0..1, how much may change where; see `region_mask`.
        config: steps, guidance, seed.
        on_step: told of progress.

    Returns:
        (B, 6, S, S) makeup layers, or (B, 3, S, S) sRGB pictures, as the teacher's codec gives.
        Where the mask is 0 they are exactly the identity, or the source.
    """
    config = config or SampleConfig()
    guidance = teacher.config.guidance if config.guidance is None else config.guidance
    source = condition.source[:, :3]
    known = teacher.codec.untouched(source)
    free = F.interpolate(mask, known.shape[-2:], mode="area")
    generator = torch.Generator().manual_seed(config.seed)
    noise = torch.randn(known.shape[1:], generator=generator).to(known).expand_as(known)
    sampler = new_sampler(teacher.config.prediction, teacher.config.zero_snr)
    sampler.set_timesteps(config.steps, device=str(known.device))
    times = [int(t) for t in sampler.timesteps]
    makeup, nothing = _of_batch(makeup, len(known)), None
    if guidance != 1:
        nothing = teacher.look(makeup.picture, torch.zeros(len(known), device=known.device))
    latents = noise.clone()
    for index, time in enumerate(times):
        predicted = _guided(teacher, latents, time, condition, makeup, nothing, guidance)
        latents = sampler.step(predicted.float(), time, latents, eta=0.0).prev_sample
        back = known
        if index + 1 < len(times):
            then = torch.tensor([times[index + 1]], device=known.device)
            back = sampler.add_noise(known, noise, then)
        latents = torch.where(free == 0, back, back + free * (latents - back))
        if on_step:
            on_step(index + 1, len(times))
    return teacher.codec.composite(teacher.codec.decode(latents, source), source, mask)


def _guided(
    teacher: Teacher,
    latents: Tensor,
    time: int,
    condition: Condition,
    makeup: Makeup,
    nothing: Makeup | None,
    guidance: float,
) -> Tensor:
    """Away from no makeup, towards the makeup; the face is seen by both."""
    times = torch.full((len(latents),), time, device=latents.device)
    one = torch.ones(len(latents), device=latents.device)
    wanted = teacher.denoise(latents, times, condition, makeup, one)
    if nothing is None:
        return wanted
    bare = teacher.denoise(latents, times, condition, nothing, 0 * one)
    return bare + guidance * (wanted - bare)


def _of_batch(makeup: Makeup, count: int) -> Makeup:
    tokens, picture = makeup.tokens, makeup.picture
    return Makeup(
        tokens.expand(count, *tokens.shape[1:]), picture.expand(count, *picture.shape[1:])
    )


def region_mask(regions: Tensor, strengths: Mapping[str, float]) -> Tensor:
    """How much may change, from a strength for each group of regions.

    Args:
        regions: (R, S, S) or (B, R, S, S) weights of the atlas regions.
        strengths: region of `TOKEN_REGIONS` -> 0..1; others are 0.

    Returns:
        (B or 1, 1, S, S) 0..1.

    Raises:
        ConfigError: there is no such region, or a strength outside 0..1.
    """
    for name, value in strengths.items():
        if name not in TOKEN_REGIONS or not 0 <= value <= 1:
            raise ConfigError(
                f"strength of {name} = {value}: use 0..1 for {', '.join(TOKEN_REGIONS)}."
            )
    masks = group_masks(regions)
    masks = masks[None] if masks.ndim == 3 else masks
    gates = torch.tensor([strengths.get(name, 0.0) for name in TOKEN_REGIONS], device=masks.device)
    return (masks * gates[:, None, None]).sum(1, keepdim=True).clamp(0, 1)
