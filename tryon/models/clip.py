"""CLIP as a makeup tower: pretrained weights, small corrections in the last layers, features out.

The only file that imports transformers, and only when CLIP is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.errors import MissingExtraError, WeightsError
from tryon.models.attention import LowRank
from tryon.models.backbone import pretrained
from tryon.models.encoder import TowerConfig

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
CORRECTED = 4  # last layers that are corrected


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("CLIP needs transformers: pip install 'tryon[train]'.") from error
    library: Any = transformers
    library.logging.set_verbosity_error()
    return library


class _Corrected(nn.Module):
    """A frozen linear layer and its correction."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base
        self.lora = LowRank(base.in_features, base.out_features, rank, alpha=rank)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.base(x) + self.lora(x)
        return result


class ClipTower(nn.Module):
    """CLIP's vision tower; only the corrections learn."""

    def __init__(self, config: TowerConfig, model: Any) -> None:
        super().__init__()
        self.config = config
        self.mean: Tensor
        self.std: Tensor
        self.model = model.requires_grad_(False)
        if config.rank:
            for layer in _layers(model)[-CORRECTED:]:
                attention = layer.self_attn
                for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    setattr(attention, name, _Corrected(getattr(attention, name), config.rank))
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    @classmethod
    def pretrained(cls, config: TowerConfig) -> ClipTower:
        """Load from a folder, or from the hub.

        Raises:
            WeightsError: it is not there, or of another shape than the configuration.
        """
        model = pretrained(_transformers().CLIPVisionModel, config.base)
        wanted = {
            "hidden_size": config.width,
            "num_hidden_layers": config.depth,
            "image_size": config.size,
            "patch_size": config.patch,
        }
        for name, value in wanted.items():
            if (found := getattr(model.config, name)) != value:
                raise WeightsError(
                    f"The CLIP of {config.base} has {name} {found}, not {value}; give the weights "
                    "the preset names."
                )
        return cls(config, model)

    def _walk(self, pictures: Tensor) -> Any:
        side = (self.config.size,) * 2
        colour = F.interpolate(pictures[:, :3], side, mode="bicubic", antialias=True).clamp(0, 1)
        return self.model(pixel_values=(colour - self.mean) / self.std, output_hidden_states=True)

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3 or 4, S, S) sRGB 0..1 -> (B, features, width); the class token is left out."""
        hidden = self._walk(pictures).hidden_states  # the first is the input of layer 1
        return torch.cat([hidden[layer][:, 1:] for layer in self.config.hidden], 1)

    def pooled(self, pictures: Tensor) -> Tensor:
        """(B, 3 or 4, S, S) sRGB 0..1 -> (B, width), the class token."""
        pooled: Tensor = self._walk(pictures).pooler_output
        return pooled


class ClipText(nn.Module):
    """A frozen CLIP text tower with its projection."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model.requires_grad_(False).eval(), tokenizer

    @classmethod
    def pretrained(cls, config: TowerConfig) -> ClipText:
        """Load from a folder, or from the hub.

        Raises:
            WeightsError: it is not there, or its projection is not as wide as a makeup vector.
        """
        library = _transformers()
        model = pretrained(library.CLIPTextModelWithProjection, config.text_base)
        if model.config.projection_dim != config.embedding:
            raise WeightsError(
                f"The text tower of {config.text_base} gives {model.config.projection_dim} values, "
                f"not {config.embedding}; give the weights the preset names."
            )
        return cls(model, pretrained(library.CLIPTokenizer, config.text_base))

    @torch.no_grad()
    def forward(self, captions: Sequence[str]) -> Tensor:
        """Captions -> (B, embedding)."""
        words = _tokens(self.tokenizer, captions, self.model.config.max_position_embeddings)
        device = next(self.model.parameters()).device
        embedded: Tensor = self.model(**words.to(device)).text_embeds
        return embedded


@torch.no_grad()
def encode_prompts(base: str | Path, prompts: Sequence[str]) -> Tensor:
    """What the text tower of a Stable Diffusion model makes of prompts: (P, length, width).

    Raises:
        WeightsError: the model has no text tower or tokenizer.
    """
    library = _transformers()
    model = pretrained(library.CLIPTextModel, base, "text_encoder").eval()
    tokenizer = pretrained(library.CLIPTokenizer, base, "tokenizer")
    words = _tokens(tokenizer, prompts, model.config.max_position_embeddings)
    hidden: Tensor = model(input_ids=words.input_ids).last_hidden_state
    return hidden


def _tokens(tokenizer: Any, texts: Sequence[str], length: int) -> Any:
    return tokenizer(
        list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    )


def _layers(model: Any) -> Any:
    """The transformer layers, wherever this release of transformers keeps them."""
    inner = getattr(model, "vision_model", model)
    return inner.encoder.layers
