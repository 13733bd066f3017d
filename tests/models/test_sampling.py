"""Sampling: deterministic, exact where nothing may change, guided when asked."""

from dataclasses import replace

import pytest
import torch

from tests.models.tiny_teacher import LAYERS, alive, faces, layer_teacher
from tryon.errors import ConfigError
from tryon.models.sampling import SampleConfig, region_mask, sample
from tryon.models.teacher import Condition

EVERYWHERE = torch.ones(1, 1, 32, 32)


@pytest.fixture
def teacher():
    return alive(layer_teacher())


@pytest.fixture
def look(teacher):
    with torch.no_grad():
        return teacher.look(faces(teacher)[1])


def draw(teacher, look, mask=EVERYWHERE, **settings):
    told = []
    config = SampleConfig(**{"steps": 3, **settings})
    result = sample(teacher, faces(teacher)[0], look, mask, config, lambda *s: told.append(s))
    assert told == [(i + 1, config.steps) for i in range(config.steps)]
    return result


def test_a_seed_decides_the_result(teacher, look):
    one = draw(teacher, look)
    assert one.shape == (2, 6, 32, 32)
    assert torch.equal(one, draw(teacher, look))
    assert not torch.equal(one, draw(teacher, look, seed=1))


def test_where_nothing_may_change_the_layer_is_the_identity(teacher, look):
    mask = EVERYWHERE.clone()
    mask[..., :16] = 0
    layer = draw(teacher, look, mask)
    assert bool((layer[:, :3, :, :16] == 1).all())
    assert not layer[:, 3:, :, :16].any()
    assert not torch.allclose(layer[..., 16:], draw(teacher, look, 0 * mask)[..., 16:])


def test_what_may_not_change_is_put_back_at_every_step(teacher, look, monkeypatch):
    seen = []
    denoise = teacher.denoise

    def watch(noisy, time, *rest):
        seen.append((noisy.clone(), int(time[0])))
        return denoise(noisy, time, *rest)

    monkeypatch.setattr(teacher, "denoise", watch)
    mask = EVERYWHERE.clone()
    mask[..., :16] = 0
    draw(teacher, look, mask)
    noise = seen[0][0]
    known = torch.zeros_like(noise)  # latents of no makeup
    for noisy, time in seen[1:]:
        wanted = teacher.noising.add_noise(known, noise, torch.tensor([time]))
        assert torch.equal(noisy[..., :4], wanted[..., :4])


def test_strength_zero_everywhere_is_a_no_op(teacher, look):
    regions = torch.rand(6, 32, 32).softmax(0)
    layer = draw(teacher, look, region_mask(regions, dict.fromkeys(("skin", "lips"), 0.0)))
    assert bool((layer[:, :3] == 1).all())
    assert not layer[:, 3:].any()


@pytest.mark.parametrize("steps", [1, 4, 10])
@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_a_denoiser_that_knows_the_layer_gives_exactly_it(kind, steps, monkeypatch):
    teacher = layer_teacher(replace(LAYERS, prediction=kind))
    condition, reference = faces(teacher)
    clean = torch.randn(2, 96, 8, 8, generator=torch.Generator().manual_seed(5)) * 0.3

    def oracle(noisy, time, *rest):
        if kind == "sample":
            return clean
        signal = teacher.noising.alphas_cumprod[time][:, None, None, None]
        return (signal.sqrt() * noisy - clean) / (1 - signal).sqrt()

    monkeypatch.setattr(teacher, "denoise", oracle)
    with torch.no_grad():
        look = teacher.look(reference)
    layer = sample(teacher, condition, look, EVERYWHERE, SampleConfig(steps=steps))
    wanted = teacher.codec.decode(clean, condition.source[:, :3])
    assert torch.allclose(layer, wanted, atol=1e-6 if kind == "sample" else 1e-3)


def test_splicing_a_looks_own_tokens_changes_nothing(teacher, look):
    regions = torch.rand(6, 32, 32).softmax(0)
    mixed = look.mixed({"lips": (look, 1.0), "skin": (look, 0.3)}, regions)
    assert torch.equal(draw(teacher, mixed), draw(teacher, look))


def test_guidance_of_one_is_none_and_more_leads_away_from_no_makeup(teacher, look):
    plain, none = draw(teacher, look, guidance=1.0), draw(teacher, look, guidance=0.0)
    near, far = (draw(teacher, look, guidance=g) for g in (1.001, 3.0))
    assert (near - plain).abs().mean() < 0.02 * (plain - none).abs().mean()
    assert (far - plain).abs().mean() > 0.1 * (plain - none).abs().mean()


def test_one_look_serves_many_faces(teacher):
    with torch.no_grad():
        one = teacher.look(faces(teacher)[1][:1])
    layers = draw(teacher, one)
    alone = Condition(*(x[1:] for x in (faces(teacher)[0].source, faces(teacher)[0].mesh)))
    single = sample(teacher, alone, one, EVERYWHERE, SampleConfig(steps=3))
    assert torch.allclose(layers[1:], single, atol=1e-4)


def test_masks_come_from_strengths_of_regions():
    regions = torch.rand(6, 8, 8).softmax(0)
    whole = region_mask(regions, dict.fromkeys(("skin", "eyes", "nose", "lips"), 1.0))
    assert torch.allclose(whole, torch.ones(1, 1, 8, 8))
    assert torch.allclose(region_mask(regions, {"lips": 0.5})[0, 0], 0.5 * regions[5])
    for wrong in ({"chin": 0.5}, {"lips": 1.5}):
        with pytest.raises(ConfigError, match="strength"):
            region_mask(regions, wrong)


def test_settings_out_of_range_are_named():
    for name, value in (("steps", 0), ("guidance", -1.0)):
        with pytest.raises(ConfigError, match=name):
            SampleConfig(**{name: value})
    assert LAYERS.guidance == 1.0
