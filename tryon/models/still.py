"""A teacher for stills: two unwrapped faces in, a makeup layer out, as the student gives them.

So a photograph goes the same way with either, and only this step is slower. It never sees the
photograph itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tryon.errors import ConfigError
from tryon.models.mesh_render import atlas_mesh
from tryon.models.sampling import OnStep, SampleConfig, sample
from tryon.models.teacher import Condition, Makeup, Teacher
from tryon.models.tokens import TOKEN_REGIONS, group
from tryon.types import REGIONS, FaceTexture, Float32, MakeupLayer

ALL = (1.0,) * len(REGIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A made-up face, and how much of each region's makeup comes from it."""

    texture: FaceTexture
    shares: tuple[float, ...] = ALL  # one for each of REGIONS, 0..1


def make_up(
    teacher: Teacher,
    source: FaceTexture,
    references: Sequence[Reference],
    regions: Float32,
    strengths: Sequence[float] = ALL,
    config: SampleConfig | None = None,
    on_step: OnStep | None = None,
) -> MakeupLayer:
    """Put the makeup of references on a face.

    Args:
        teacher: of layers of the atlas, in evaluation mode.
        source: the face, unwrapped at the teacher's size.
        references: whom the makeup comes from, unwrapped alike; what a region does not take from
            them, it keeps, and one that takes nothing is not touched at all.
        regions: (A, A, R) weights of the atlas regions.
        strengths: one for each region, 0..1, how much of it may change.
        config: steps, guidance, seed.
        on_step: told of progress.

    Returns:
        The layer; regions of strength 0, or that take from no reference, are exactly the identity.

    Raises:
        ConfigError: the teacher is of pictures, a texture is not of its size, or the shares of a
            region are more than a whole.
    """
    size = teacher.config.size
    if teacher.config.codec == "vae":
        raise ConfigError(f"{teacher.config.preset} paints pictures; use a compact teacher here.")
    for texture in (source, *(r.texture for r in references)):
        if texture.visibility.shape != (size, size):
            raise ConfigError(f"a texture is {texture.visibility.shape[0]}²: unwrap at {size}.")
    if any(sum(r.shares[i] for r in references) > 1.001 for i in range(len(REGIONS))):
        raise ConfigError("the shares of a region: use 1 at most, of all references together.")
    device = teacher.prompts.device
    weights = torch.from_numpy(regions).permute(2, 0, 1).to(device)
    face = _tensor(source).to(device)
    makeup = _spliced(teacher, face, references, weights)
    condition = Condition(face, atlas_mesh(face[:, 3:], weights))
    taken = [any(r.shares[i] for r in references) for i in range(len(REGIONS))]
    free = [strength * some for strength, some in zip(strengths, taken, strict=True)]
    layer = sample(teacher, condition, makeup, _added(weights, free)[None], config, on_step)
    affine: Float32 = layer[0].permute(1, 2, 0).float().cpu().contiguous().numpy()
    return MakeupLayer(affine)


def fit_texture(texture: FaceTexture, size: int) -> FaceTexture:
    """A texture at fewer texels a side, each the mean of a square.

    Raises:
        ConfigError: the sides do not divide.
    """
    side = texture.visibility.shape[0]
    if side == size:
        return texture
    if side % size:
        raise ConfigError(f"a texture of {side}² cannot be worn at {size}²; make the look again.")
    step = side // size
    squares = (size, step, size, step)
    colour = texture.colour.reshape(*squares, 3).mean((1, 3), dtype="float32")
    visibility = texture.visibility.reshape(squares).mean((1, 3), dtype="float32")
    return FaceTexture(colour, visibility)


@torch.no_grad()
def _spliced(
    teacher: Teacher, face: Tensor, references: Sequence[Reference], regions: Tensor
) -> Makeup:
    """The face's own makeup with regions of the references: tokens by groups, pictures by masks.

    A group of tokens that makes up two regions of the atlas is shared as the one it is named after.
    """
    own = teacher.look(face)
    tokens, picture = own.tokens.clone(), own.picture.clone()
    per_region = tokens.shape[1] // len(TOKEN_REGIONS)
    for reference in references:
        other = teacher.look(_tensor(reference.texture).to(face))
        for name in TOKEN_REGIONS:
            part, share = group(name, per_region), reference.shares[REGIONS.index(name)]
            tokens[:, part] += share * (other.tokens[:, part] - own.tokens[:, part])
        picture += _added(regions, reference.shares) * (other.picture - own.picture)
    return Makeup(tokens, picture)


def _added(regions: Tensor, values: Sequence[float]) -> Tensor:
    """(1, A, A) the regions' weights (R, A, A), each times its value, added up."""
    return torch.einsum("rhw,r->hw", regions, regions.new_tensor(values))[None].clamp(0, 1)


def _tensor(texture: FaceTexture) -> Tensor:
    colour, visibility = (torch.from_numpy(x) for x in (texture.colour, texture.visibility))
    return torch.cat((colour, visibility[..., None]), -1).permute(2, 0, 1)[None].float()
