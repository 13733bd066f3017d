"""Codecs: lossless in the atlas, and no makeup is exactly none."""

import pytest
import torch

from tests.models.tiny_teacher import write_base
from tryon.cosmetics import pigment
from tryon.errors import ConfigError
from tryon.models.backbone import pretrained_vae
from tryon.models.codec import LayerCodec, VaeCodec, to_linear, to_srgb

TRANSFORMS = ("unshuffle", "haar")


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_packing_loses_not_a_bit(transform, random):
    levels = torch.randint(-255, 256, (2, 6, 16, 16), generator=random) / 256
    codec = LayerCodec(transform, 2, (4.0, 2.0))
    packed = codec.pack(levels)
    assert packed.shape == (2, 96, 4, 4)
    assert torch.equal(codec.unpack(packed), levels)


def test_haar_keeps_energy_and_gathers_it():
    smooth = torch.linspace(0, 1, 16).expand(1, 6, 16, 16)
    packed = LayerCodec("haar", 2, (1.0, 1.0)).pack(smooth)
    assert float(packed.square().sum()) == pytest.approx(float(smooth.square().sum()), rel=1e-5)
    shares = packed.square().sum((0, 2, 3)).sort(descending=True).values
    assert float(shares[:6].sum() / shares.sum()) > 0.98


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_layer_comes_back_as_it_looks(transform, random):
    source = torch.rand(2, 3, 16, 16, generator=random)
    gain = torch.rand(2, 3, 16, 16, generator=random)
    affine = torch.cat((gain, (1 - gain) * 0.3), 1)
    codec = LayerCodec(transform, 2, (5.0, 3.0))
    back = codec.decode(codec.encode(affine, source), source)
    assert torch.allclose(back, affine, atol=2e-4)


def test_untouched_latents_are_the_identity_layer(random):
    source = torch.rand(1, 3, 16, 16, generator=random)
    codec = LayerCodec("haar", 2, (5.0, 3.0))
    identity = codec.decode(codec.untouched(source), source)
    assert torch.equal(identity[:, :3], torch.ones(1, 3, 16, 16))
    assert torch.equal(identity[:, 3:], torch.zeros(1, 3, 16, 16))


def test_a_mask_of_zero_leaves_the_identity_and_of_one_the_layer(random):
    layer = torch.rand(1, 6, 8, 8, generator=random)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    worn = LayerCodec("haar", 2, (5.0, 3.0)).composite(layer, layer[:, :3], mask)
    assert torch.equal(worn[:, :3, :, :4], torch.ones(1, 3, 8, 4))
    assert not worn[:, 3:, :, :4].any()
    assert torch.allclose(worn[..., 4:], layer[..., 4:])


def test_light_is_the_painters():
    x = torch.linspace(0, 1, 101)
    assert torch.allclose(to_linear(x), pigment.to_linear(x), atol=1e-6)
    assert torch.allclose(to_srgb(x), pigment.to_srgb(x), atol=1e-6)


def test_an_unknown_transform_is_refused():
    with pytest.raises(ConfigError, match="haar"):
        LayerCodec("fourier", 2, (1.0, 1.0))


def test_pictures_go_through_the_autoencoder_and_masks_keep_pixels(tmp_path, random):
    codec = VaeCodec(pretrained_vae(write_base(tmp_path)))
    source = torch.rand(1, 3, 64, 64, generator=random)
    latents = codec.untouched(source)
    assert latents.shape == (1, 4, 8, 8)
    assert torch.equal(latents, codec.encode(source, source))
    result = codec.decode(latents, source)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 32:] = 1
    kept = codec.composite(result, source, mask)
    assert torch.equal(kept[..., :32], source[..., :32])
    assert torch.equal(kept[..., 32:], result[..., 32:])
