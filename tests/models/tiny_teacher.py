"""Teachers that train in milliseconds: of layers from scratch, of pictures from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
)

from tryon.models.backbone import UNetConfig
from tryon.models.control import ControlConfig
from tryon.models.encoder import CLIP_VIT_L, TowerConfig
from tryon.models.encoder import COMPACT_SMALL as SMALL_TOWER
from tryon.models.teacher import Condition, Teacher, new_teacher
from tryon.models.teacher_config import COMPACT_SMALL, SD21, TeacherConfig
from tryon.models.tokens import TokenConfig

SIDE = 32
TOKENS = TokenConfig(per_region=2, width=32, depth=1, heads=2, head_width=16, expansion=2)
TOWER = replace(
    SMALL_TOWER, size=SIDE, width=32, depth=2, hidden=(1, 2), embedding=16, text_width=32
)
LAYERS = replace(
    COMPACT_SMALL,
    size=SIDE,
    unet=UNetConfig(96, 8, (32, 64), (True, True), 1, 32, 32),
    control=replace(COMPACT_SMALL.control, widths=(32,)),
    tokens=TOKENS,
    tower=TOWER,
)
CLIP = replace(
    CLIP_VIT_L, size=28, width=32, depth=4, heads=2, patch=14, hidden=(2, 4), embedding=24, rank=2
)
PICTURES = replace(
    SD21,
    size=64,
    unet=UNetConfig(4, 8, (32, 64), (True, False), 1, 32, 32),
    control=ControlConfig((("source", 3), ("mesh", 3)), 1, (4, 8, 8, 16)),
    tokens=TOKENS,
    tower=CLIP,
    rank=2,
    prompt_tokens=8,
)


def layer_teacher(config: TeacherConfig = LAYERS) -> Teacher:
    torch.manual_seed(0)
    return new_teacher(config)


def alive(teacher: Teacher) -> Teacher:
    """The same teacher after random training: nothing is zero any more."""
    torch.manual_seed(1)
    with torch.no_grad():
        for value in teacher.parameters():
            if value.requires_grad:
                value.add_(0.05 * torch.randn_like(value))
    return teacher.eval()


def faces(teacher: Teacher, count: int = 2) -> tuple[Condition, torch.Tensor]:
    """Random faces and references for a teacher."""
    random = torch.Generator().manual_seed(2)
    side, modes = teacher.config.size, dict(teacher.config.control.modes)
    source, mesh = (
        torch.rand(count, modes.get(n, 3), side, side, generator=random) for n in ("source", "mesh")
    )
    reference = torch.rand(count, teacher.config.tower.channels, side, side, generator=random)
    return Condition(source, mesh), reference


def write_base(folder: Path, width: int = 32, channels: int = 4) -> Path:
    """A Stable Diffusion of toy size with random weights, in the layout of the real one."""
    torch.manual_seed(3)
    UNet2DConditionModel(
        sample_size=8, in_channels=channels, out_channels=channels, block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1,
        cross_attention_dim=width, attention_head_dim=(1, 2), use_linear_projection=True,
    ).save_pretrained(folder / "unet")  # fmt: skip
    AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=4,
        layers_per_block=1,
    ).save_pretrained(folder / "vae")  # fmt: skip
    text = CLIPTextConfig(**_TEXT, hidden_size=width)
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    _tokenizer(folder / "tokenizer")
    return folder


_TEXT = {
    "vocab_size": 20, "intermediate_size": 32, "num_hidden_layers": 1,
    "num_attention_heads": 2, "max_position_embeddings": 8, "bos_token_id": 0, "eos_token_id": 1,
}  # fmt: skip


def _tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True)
    letters = [*"aeloprsu", *(f"{c}</w>" for c in "aeloprsu")]
    words = ["<|startoftext|>", "<|endoftext|>", *letters]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)


def write_clip(folder: Path, config: TowerConfig = CLIP) -> TowerConfig:
    """Both towers of a toy CLIP with random weights; gives the configuration that names them."""
    torch.manual_seed(4)
    vision, text = folder / "vision", folder / "text"
    CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=config.width,
            num_hidden_layers=config.depth,
            intermediate_size=32,
            num_attention_heads=config.heads,
            image_size=config.size,
            patch_size=config.patch,
        )
    ).save_pretrained(vision)
    CLIPTextModelWithProjection(
        CLIPTextConfig(**_TEXT, hidden_size=32, projection_dim=config.embedding)
    ).save_pretrained(text)
    _tokenizer(text / "words")
    for file in (text / "words").iterdir():
        file.rename(text / file.name)
    return replace(config, base=str(vision), text_base=str(text))
