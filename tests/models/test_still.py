"""A teacher on stills: a layer like the student's, by region and by strength."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.tiny_teacher import LAYERS, alive, layer_teacher
from tryon.errors import ConfigError
from tryon.models.sampling import SampleConfig
from tryon.models.still import ALL, Reference, _spliced, _tensor, fit_texture, make_up
from tryon.types import REGIONS, FaceTexture

STEPS = SampleConfig(2)


def texture(seed: int, size: int = 32) -> FaceTexture:
    random = np.random.default_rng(seed)
    return FaceTexture(
        random.random((size, size, 3), np.float32), np.ones((size, size), np.float32)
    )


@pytest.fixture
def regions():
    """Six bands, hard."""
    bands = np.arange(32) * 6 // 32
    return np.eye(6, dtype=np.float32)[bands][:, None].repeat(32, 1)


@pytest.fixture
def teacher():
    return alive(layer_teacher())


def changed(affine: np.ndarray) -> np.ndarray:
    identity = np.array([1, 1, 1, 0, 0, 0], np.float32)
    return (affine != identity).any(-1)


def only(*names: str) -> tuple[float, ...]:
    return tuple(float(name in names) for name in REGIONS)


def test_a_reference_for_every_region_gives_a_layer_everywhere(teacher, regions):
    told = []
    layer = make_up(
        teacher, texture(0), [Reference(texture(1))], regions, config=STEPS,
        on_step=lambda *s: told.append(s),
    )  # fmt: skip
    assert layer.affine.shape == (32, 32, 6)
    assert layer.affine.dtype == np.float32
    assert changed(layer.affine).mean() > 0.9
    assert told == [(1, 2), (2, 2)]


def test_only_the_regions_of_some_strength_change(teacher, regions):
    layer = make_up(teacher, texture(0), [Reference(texture(1))], regions, only("lips"), STEPS)
    assert np.array_equal(changed(layer.affine), regions[..., 5] > 0)
    layer = make_up(teacher, texture(0), [Reference(texture(1))], regions, only(), STEPS)
    assert not changed(layer.affine).any()


def test_strength_fades_a_layer(teacher, regions):
    whole, half = (
        make_up(teacher, texture(0), [Reference(texture(1))], regions, s, SampleConfig(1)).affine
        for s in (ALL, (0.5,) * 6)
    )
    identity = np.array([1, 1, 1, 0, 0, 0], np.float32)
    assert np.abs(half - identity).mean() < 0.8 * np.abs(whole - identity).mean()


def test_each_region_takes_its_own_reference(teacher, regions):
    def worn(*references):
        return make_up(teacher, texture(0), references, regions, config=STEPS).affine

    one, two = Reference(texture(1)), Reference(texture(2))
    split = worn(Reference(texture(1), only(*REGIONS[:5])), Reference(texture(2), only("lips")))
    assert not np.allclose(split, worn(one))
    assert not np.allclose(split, worn(two))
    same = worn(Reference(texture(1), only(*REGIONS[:5])), Reference(texture(1), only("lips")))
    np.testing.assert_allclose(same, worn(one), atol=1e-4)


def test_tokens_are_spliced_by_groups_and_pictures_by_regions(teacher, regions):
    face, other = (_tensor(texture(seed)) for seed in (0, 1))
    weights = torch.from_numpy(regions).permute(2, 0, 1)
    with torch.no_grad():
        own, theirs = teacher.look(face), teacher.look(other)
        found = _spliced(teacher, face, [Reference(texture(1), only("brows", "lips"))], weights)
        half = _spliced(teacher, face, [Reference(texture(1), (0.5,) * 6)], weights)
    count = own.tokens.shape[1] // 4  # skin, eyes, nose, lips; brows go with the eyes
    torch.testing.assert_close(found.tokens[:, : 3 * count], own.tokens[:, : 3 * count])
    torch.testing.assert_close(found.tokens[:, 3 * count :], theirs.tokens[:, 3 * count :])
    taken = weights[[3, 5]].sum(0) > 0
    torch.testing.assert_close(found.picture, torch.where(taken, theirs.picture, own.picture))
    torch.testing.assert_close(half.tokens, (own.tokens + theirs.tokens) / 2)
    torch.testing.assert_close(half.picture, (own.picture + theirs.picture) / 2)


def test_a_region_without_a_reference_is_not_touched(teacher, regions):
    lips = Reference(texture(1), only("lips"))
    layer = make_up(teacher, texture(0), [lips], regions, config=STEPS)
    assert np.array_equal(changed(layer.affine), regions[..., 5] > 0)
    assert not changed(make_up(teacher, texture(0), [], regions, config=STEPS).affine).any()


def test_a_texture_is_made_smaller_by_means():
    fine = FaceTexture(np.zeros((4, 4, 3), np.float32), np.ones((4, 4), np.float32))
    fine.colour[0, 0] = 1
    small = fit_texture(fine, 2)
    assert small.colour.dtype == np.float32
    np.testing.assert_array_equal(small.colour[..., 0], [[0.25, 0], [0, 0]])
    np.testing.assert_array_equal(small.visibility, np.ones((2, 2)))
    assert fit_texture(fine, 4) is fine
    with pytest.raises(ConfigError, match="3²"):
        fit_texture(fine, 3)


def test_what_does_not_fit_is_named(teacher, regions):
    with pytest.raises(ConfigError, match="unwrap at 32"):
        make_up(teacher, texture(0, 16), [Reference(texture(1))], regions)
    with pytest.raises(ConfigError, match="1 at most"):
        make_up(teacher, texture(0), [Reference(texture(1))] * 2, regions)
    teacher.config = replace(LAYERS, codec="vae", size=64, control=replace(LAYERS.control, fold=8))
    with pytest.raises(ConfigError, match="compact"):
        make_up(teacher, texture(0), [Reference(texture(1))], regions)
