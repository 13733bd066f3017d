"""Teachers and makeup encoders <-> folders: what is ours is kept, what was borrowed is named.

A preset on pretrained weights keeps only what it learned; the rest is loaded from its own folder
or hub name again. It never downloads when it is given a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from tryon.errors import ConfigError, WeightsError
from tryon.models.backbone import check_shape, pretrained_unet, pretrained_vae
from tryon.models.codec import VaeCodec
from tryon.models.encoder import MakeupEncoder, TowerConfig, new_encoder, new_tower
from tryon.models.shards import read_shards, write_shards
from tryon.models.teacher import Teacher, new_teacher
from tryon.models.teacher_config import SD21, TeacherConfig
from tryon.models.weights import Manifest


def pretrained_teacher(
    base: str | Path = SD21.base,
    tower: nn.Module | None = None,
    config: TeacherConfig = SD21,
) -> Teacher:
    """A teacher on Stable Diffusion's weights, to be trained.

    Args:
        base: folder in diffusers' layout (unet, vae, text_encoder, tokenizer), or a hub name.
        tower: a trained image tower; None for the preset's pretrained one.
        config: a preset with a base.

    Raises:
        WeightsError: weights are absent or of another shape; the message names the remedy.
    """
    from tryon.models.clip import encode_prompts

    config = replace(config, base=str(base))
    unet = pretrained_unet(base)
    check_shape(unet, config.unet.channels, config.unet.context)
    prompts = encode_prompts(base, (config.prompt, ""))
    codec = VaeCodec(pretrained_vae(base))
    return Teacher(config, unet, codec, tower or new_tower(config.tower), prompts)


def save_teacher(
    folder: Path,
    teacher: Teacher,
    average: Mapping[str, Tensor] | None = None,
    about: Manifest | None = None,
) -> Manifest:
    """Write a teacher's own weights in bfloat16 shards.

    Args:
        folder: where to.
        teacher: what to write.
        average: replaces parameters by name, as their moving averages do.
        about: provenance; its architecture and files are filled in.
    """
    own = own_state(teacher) | dict(average or {})
    about = about or Manifest({}, {})
    return write_shards(folder, own, replace(about, architecture=teacher.config.to_json()))


def own_state(teacher: Teacher) -> dict[str, Tensor]:
    """The tensors that a teacher does not borrow from pretrained weights."""
    return {n: t for n, t in teacher.state_dict().items() if not _borrowed(teacher.config, n)}


def load_teacher(folder: Path, base: str | Path = "") -> Teacher:
    """Build the teacher of a folder, in evaluation mode, float32, on the CPU.

    Args:
        folder: written by `save_teacher`.
        base: where the pretrained weights lie, if not where they did.

    Raises:
        WeightsError: files are missing, changed, or do not fit.
    """
    tensors, manifest = read_shards(folder)
    try:
        config = TeacherConfig.from_json(manifest.architecture)
    except (KeyError, TypeError, ConfigError) as error:
        raise WeightsError(f"{folder} holds no teacher; give a teacher's folder.") from error
    teacher = (
        pretrained_teacher(base or config.base, config=config)
        if config.base
        else new_teacher(config)
    )
    _fill(teacher, tensors, folder, lambda name: _borrowed(config, name))
    return teacher.eval()


def save_encoder(folder: Path, encoder: MakeupEncoder, about: Manifest | None = None) -> Manifest:
    """Write a makeup encoder's own weights in bfloat16 shards."""
    own = encoder_state(encoder)
    about = about or Manifest({}, {})
    return write_shards(folder, own, replace(about, architecture=encoder.config.to_json()))


def encoder_state(encoder: MakeupEncoder) -> dict[str, Tensor]:
    """The tensors that a makeup encoder does not borrow from CLIP."""
    clip = encoder.config.kind == "clip"
    return {n: t for n, t in encoder.state_dict().items() if not (clip and _of_clip(n))}


def load_encoder(folder: Path) -> MakeupEncoder:
    """Build the makeup encoder of a folder, in evaluation mode.

    Raises:
        WeightsError: files are missing, changed, or do not fit.
    """
    tensors, manifest = read_shards(folder)
    try:
        config = TowerConfig(**manifest.architecture)
    except (TypeError, ConfigError) as error:
        raise WeightsError(
            f"{folder} holds no makeup encoder; give an encoder's folder."
        ) from error
    encoder = new_encoder(config)
    _fill(encoder, tensors, folder, lambda name: config.kind == "clip" and _of_clip(name))
    return encoder.eval()


def _borrowed(config: TeacherConfig, name: str) -> bool:
    """Whether a tensor comes from pretrained weights."""
    if not config.base:
        return False
    if name.startswith("unet."):
        return ".processor." not in name
    return name.startswith(("coder.", "prompts")) or (
        config.tower.kind == "clip" and _of_clip(name)
    )


def _of_clip(name: str) -> bool:
    """Whether a tensor is one of CLIP's own, of a tower that stands anywhere in a model."""
    inside = name.startswith(("tower.", "image.", "text."))
    return inside and ".lora." not in name


def _fill(model: nn.Module, tensors: Mapping[str, Tensor], folder: Path, borrowed: object) -> None:
    assert callable(borrowed)
    try:
        missing, unknown = model.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{folder} does not fit its manifest; fetch it again.") from error
    lost = [name for name in missing if not borrowed(name)]
    if lost or unknown:
        raise WeightsError(
            f"{folder} does not fit its manifest ({len(lost)} missing, {len(unknown)} unknown "
            "tensors); fetch it again."
        )
