"""Decoupled attention: in every cross-attention layer, silent without makeup, recordable."""

import pytest
import torch

from tests.models.tiny_teacher import LAYERS, alive, faces, layer_teacher
from tryon.models.attention import (
    LowRank,
    MakeupAttention,
    attention_maps,
    install,
    makeup_layers,
    recording,
)
from tryon.models.backbone import new_unet


class Layer(torch.nn.Module):
    """What diffusers' Attention has, plainly."""

    def __init__(self, width: int = 8, context: int = 6, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = torch.nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = (torch.nn.Linear(context, width, bias=False) for _ in range(2))
        self.to_out = torch.nn.ModuleList([torch.nn.Linear(width, width), torch.nn.Dropout(0.0)])


def plain(layer: Layer, query: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Attention written out, before the output projection; also the logits of each head."""

    def heads(x):
        return x.unflatten(-1, (layer.heads, -1)).transpose(1, 2)

    q, k, v = (heads(t) for t in (layer.to_q(query), layer.to_k(context), layer.to_v(context)))
    logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return (logits.softmax(-1) @ v).transpose(1, 2).flatten(2), logits


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Layer()


def test_text_and_makeup_are_attended_to_apart_and_added(layer):
    attention = MakeupAttention(layer, tokens=8)
    x, text, makeup = torch.rand(2, 4, 8), torch.rand(2, 3, 6), torch.rand(2, 8, 6)
    seen = plain(layer, x, text)[0] + plain(layer, x, makeup)[0]  # it starts with equal weights
    result = attention(layer, x, torch.cat((text, makeup), 1))
    assert torch.allclose(result, layer.to_out[0](seen), atol=1e-6)


def test_without_strength_only_the_text_counts(layer):
    attention = MakeupAttention(layer, tokens=8)
    attention.strength = 0.0
    x, text = torch.rand(2, 4, 8), torch.rand(2, 3, 6)
    one, two = (attention(layer, x, torch.cat((text, torch.rand(2, 8, 6)), 1)) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.allclose(one, layer.to_out[0](plain(layer, x, text)[0]), atol=1e-6)


def test_recorded_logits_are_the_mean_over_heads_and_over_a_regions_tokens(layer):
    attention = MakeupAttention(layer, tokens=8)
    attention.record = True
    x, text, makeup = torch.rand(2, 4, 8), torch.rand(2, 3, 6), torch.rand(2, 8, 6)
    attention(layer, x, torch.cat((text, makeup), 1))
    _, logits = plain(layer, x, makeup)  # (B, heads, queries, tokens)
    wanted = logits.mean(1).unflatten(-1, (4, 2)).mean(-1).transpose(1, 2)
    assert torch.allclose(attention.recorded, wanted, atol=1e-6)


def test_a_correction_is_nothing_at_first_and_learns(layer):
    x, context = torch.rand(2, 4, 8), torch.rand(2, 11, 6)
    without, with_rank = MakeupAttention(layer, 8), MakeupAttention(layer, 8, rank=2)
    assert torch.equal(without(layer, x, context), with_rank(layer, x, context))
    low = LowRank(6, 5, rank=2, alpha=4.0)
    low(torch.rand(3, 6)).sum().backward()
    assert low.up.weight.grad.abs().sum() > 0


def test_every_cross_attention_layer_is_decoupled():
    unet = new_unet(LAYERS.unet)
    crossing = sum(name.endswith("attn2.processor") for name in unet.attn_processors)
    install(unet, tokens=8)
    assert len(makeup_layers(unet)) == crossing > 3


def test_maps_come_for_the_finest_sizes_while_recording_only():
    teacher = alive(layer_teacher())
    condition, reference = faces(teacher)
    noisy, one = torch.rand(2, 96, 8, 8), torch.ones(2)
    makeup = teacher.look(reference)
    with recording(teacher.unet):
        teacher.denoise(noisy, torch.tensor([1, 2]), condition, makeup, one)
        maps = attention_maps(teacher.unet)
        finest = attention_maps(teacher.unet, finest=1)
    assert {side: tuple(m.shape) for side, m in maps.items()} == {8: (2, 4, 8, 8), 4: (2, 4, 4, 4)}
    assert list(finest) == [8]
    teacher.denoise(noisy, torch.tensor([1, 2]), condition, makeup, one)
    assert attention_maps(teacher.unet) == {}
