"""A teacher for stills: two unwrapped faces in, a makeup layer out, as the student gives them.

So a photograph goes the same way with either, and only this step is slower. It never sees the
photograph itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tryon.errors import ConfigError
from tryon.models.mesh_render import atlas_mesh
from tryon.models.sampling import OnStep, SampleConfig, region_mask, sample
from tryon.models.teacher import Condition, Makeup, Teacher
from tryon.models.tokens import TOKEN_REGIONS
from tryon.types import FaceTexture, Float32, MakeupLayer


def make_up(
    teacher: Teacher,
    source: FaceTexture,
    references: Mapping[str, FaceTexture],
    regions: Float32,
    strengths: Mapping[str, float] | None = None,
    config: SampleConfig | None = None,
    on_step: OnStep | None = None,
) -> MakeupLayer:
    """Put the makeup of references on a face.

    Args:
        teacher: of layers of the atlas, in evaluation mode.
        source: the face, unwrapped at the teacher's size.
        references: region of `TOKEN_REGIONS` -> whom its makeup comes from, unwrapped alike; a
            region that is left out keeps what it has.
        regions: (A, A, R) weights of the atlas regions.
        strengths: region -> 0..1, how much of it is worn; 1 where not given.
        config: steps, guidance, seed.
        on_step: told of progress.

    Returns:
        The layer; regions of strength 0 are exactly the identity.

    Raises:
        ConfigError: the teacher is of pictures, or a texture is not of its size.
    """
    size = teacher.config.size
    if teacher.config.codec == "vae":
        raise ConfigError(f"{teacher.config.preset} paints pictures; use a compact teacher here.")
    for texture in (source, *references.values()):
        if texture.visibility.shape != (size, size):
            raise ConfigError(f"a texture is {texture.visibility.shape[0]}²: unwrap at {size}.")
    wanted = {name: 1.0 for name in TOKEN_REGIONS if name in references} | dict(strengths or {})
    device = teacher.prompts.device
    weights = torch.from_numpy(regions).permute(2, 0, 1).to(device)
    face = _tensor(source).to(device)
    makeup = _look(teacher, face, references, weights)
    condition = Condition(face, atlas_mesh(face[:, 3:], weights))
    mask = region_mask(weights, {n: s for n, s in wanted.items() if n in references})
    layer = sample(teacher, condition, makeup, mask, config, on_step)
    affine: Float32 = layer[0].permute(1, 2, 0).float().cpu().contiguous().numpy()
    return MakeupLayer(affine)


@torch.no_grad()
def _look(
    teacher: Teacher, face: Tensor, references: Mapping[str, FaceTexture], regions: Tensor
) -> Makeup:
    """The face's own makeup, and each region's from its reference; each reference is read once."""
    own = teacher.look(face)
    read: dict[int, Makeup] = {}
    others = {}
    for name, texture in references.items():
        if id(texture) not in read:
            read[id(texture)] = teacher.look(_tensor(texture).to(face))
        others[name] = (read[id(texture)], 1.0)
    return own.mixed(others, regions)


def _tensor(texture: FaceTexture) -> Tensor:
    colour, visibility = (torch.from_numpy(x) for x in (texture.colour, texture.visibility))
    return torch.cat((colour, visibility[..., None]), -1).permute(2, 0, 1)[None].float()
