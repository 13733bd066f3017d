"""A teacher on stills: a layer like the student's, by region and by strength."""

from dataclasses import replace

import numpy as np
import pytest

from tests.models.tiny_teacher import LAYERS, alive, layer_teacher
from tryon.errors import ConfigError
from tryon.models.sampling import SampleConfig
from tryon.models.still import make_up
from tryon.models.tokens import TOKEN_REGIONS
from tryon.types import FaceTexture

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


def test_a_reference_for_every_region_gives_a_layer_everywhere(teacher, regions):
    told = []
    layer = make_up(
        teacher, texture(0), dict.fromkeys(TOKEN_REGIONS, texture(1)), regions, config=STEPS,
        on_step=lambda *s: told.append(s),
    )  # fmt: skip
    assert layer.affine.shape == (32, 32, 6)
    assert layer.affine.dtype == np.float32
    assert changed(layer.affine).mean() > 0.9
    assert told == [(1, 2), (2, 2)]


def test_only_the_regions_asked_for_change(teacher, regions):
    layer = make_up(teacher, texture(0), {"lips": texture(1)}, regions, config=STEPS)
    assert np.array_equal(changed(layer.affine), regions[..., 5] > 0)


def test_strength_zero_is_exactly_no_makeup(teacher, regions):
    layer = make_up(teacher, texture(0), {"lips": texture(1)}, regions, {"lips": 0.0}, config=STEPS)
    assert not changed(layer.affine).any()


def test_two_references_differ_from_one(teacher, regions):
    one = make_up(teacher, texture(0), dict.fromkeys(TOKEN_REGIONS, texture(1)), regions)
    split = dict.fromkeys(TOKEN_REGIONS, texture(1)) | {"lips": texture(2)}
    assert not np.allclose(one.affine, make_up(teacher, texture(0), split, regions).affine)


def test_what_does_not_fit_is_named(teacher, regions):
    with pytest.raises(ConfigError, match="unwrap at 32"):
        make_up(teacher, texture(0, 16), {"lips": texture(1)}, regions)
    teacher.config = replace(LAYERS, codec="vae", size=64, control=replace(LAYERS.control, fold=8))
    with pytest.raises(ConfigError, match="compact"):
        make_up(teacher, texture(0), {"lips": texture(1)}, regions)
