"""How much of a layer is shown: nothing at 0, all of it at 1, and never a jump in between."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.layer.gate import MAX_INTENSITY, FadeConfig, check_intensity, fade, gate_layer
from tryon.types import REGIONS, Face, MakeupLayer, Pose

SIZE = 128
IDENTITY = np.array([1, 1, 1, 0, 0, 0], np.float32)
SEEN = np.ones((SIZE, SIZE), np.float32)


def lurid(seed: int = 0) -> MakeupLayer:
    affine = np.random.default_rng(seed).random((SIZE, SIZE, 6), np.float32)
    return MakeupLayer(affine, 7, "digest")


def face(yaw=0.0, pitch=0.0, confidence=1.0, width=300.0) -> Face:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[0, 0] = width
    return Face(landmarks, Pose(yaw, pitch, 0.0), confidence)


def only(region: str, value: float = 1.0) -> list[float]:
    return [value if name == region else 0.0 for name in REGIONS]


def test_intensity_0_is_the_exact_identity_whatever_the_layer_holds():
    layer = lurid()
    layer.affine[3, 4] = np.nan
    layer.affine[5, 6] = np.inf
    for intensities, share in (([0.0] * 6, 1.0), ([1.0] * 6, 0.0)):
        gated = gate_layer(layer, SEEN, intensities, share)
        assert (gated.affine == IDENTITY).all()
    assert (gate_layer(layer, 0 * SEEN, [1.0] * 6, 1.0).affine == IDENTITY).all()


def test_intensity_1_is_the_layer_as_predicted_inside_the_rim():
    layer, masks = lurid(), region_masks(SIZE)
    gated = gate_layer(layer, SEEN, [1.0] * 6, 1.0)
    np.testing.assert_allclose(
        gated.affine[masks.rim == 1], layer.affine[masks.rim == 1], atol=1e-5
    )
    assert (gated.affine[masks.rim == 0] == IDENTITY).all()  # makeup ends before the hairline
    assert (gated.frame_index, gated.look_digest) == (7, "digest")


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_gated_alone(region):
    layer, weight = lurid(), region_masks(SIZE).of(region)
    gated = gate_layer(layer, SEEN, only(region), 1.0).affine
    assert (gated[weight == 0] == IDENTITY).all()
    assert np.abs(gated[weight > 0.9] - IDENTITY).mean() > 0.2


def test_the_effect_grows_with_the_intensity_beyond_1():
    layer, lips = lurid(), region_masks(SIZE).of("lips") > 0.99
    effect = [
        np.abs(gate_layer(layer, SEEN, only("lips", v), 1.0).affine - IDENTITY)[lips].mean()
        for v in (0.25, 0.5, 1.0, MAX_INTENSITY)
    ]
    assert effect == sorted(effect)
    assert effect[1] == pytest.approx(0.5 * effect[2], rel=1e-4)
    assert effect[3] > 1.3 * effect[2]


def test_what_the_camera_does_not_see_is_not_painted():
    visibility = SEEN.copy()
    visibility[:, : SIZE // 2] = 0
    gated = gate_layer(lurid(), visibility, [1.0] * 6, 1.0).affine
    assert (gated[:, : SIZE // 2] == IDENTITY).all()
    assert (gated[:, SIZE // 2 :] != IDENTITY).any()


def test_gating_makes_a_new_layer():
    layer = lurid()
    before = layer.affine.copy()
    gate_layer(layer, SEEN, [0.3] * 6, 0.5)
    np.testing.assert_array_equal(layer.affine, before)


SWEEPS = {
    "yaw": np.linspace(0, 90, 181),
    "pitch": np.linspace(0, 90, 181),
    "confidence": np.linspace(1, 0, 201),
    "width": np.linspace(400, 0, 401),
}


@pytest.mark.parametrize("cause", SWEEPS)
def test_makeup_fades_monotonically_and_without_a_jump(cause):
    shares = [fade(face(**{cause: float(value)}), FadeConfig()) for value in SWEEPS[cause]]
    assert shares[0] == 1
    assert shares[-1] == 0
    steps = [a - b for a, b in pairwise(shares)]
    assert min(steps) >= 0
    assert max(steps) < 0.1


@pytest.mark.parametrize("cause", ["yaw", "pitch"])
def test_both_directions_fade_alike(cause):
    for angle in (10.0, 50.0, 58.0, 80.0):
        assert fade(face(**{cause: angle}), FadeConfig()) == fade(
            face(**{cause: -angle}), FadeConfig()
        )


def test_the_worst_cause_rules():
    config = FadeConfig()
    one = fade(face(yaw=60), config)
    assert 0 < one < 1
    assert fade(face(yaw=60, width=39), config) == 0
    assert fade(face(yaw=60, pitch=39), config) == one


def test_a_number_that_is_none_shows_nothing():
    for cause in SWEEPS:
        if cause != "width":
            assert fade(face(**{cause: float("nan")}), FadeConfig()) == 0


def test_limits_that_make_no_fade_are_refused():
    with pytest.raises(ConfigError, match="yaw"):
        FadeConfig(yaw=(50.0, 50.0))
    with pytest.raises(ConfigError, match="width"):
        FadeConfig(width=(-1.0, 40.0))


@pytest.mark.parametrize("value", [-0.01, 1.51, float("nan"), float("inf")])
def test_intensities_out_of_range_are_refused_with_the_range(value):
    with pytest.raises(ConfigError, match=r"intensity of lips is .*0 to 1\.5"):
        check_intensity("lips", value)


def test_unknown_regions_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no region 'hair'.*cheeks.*lips"):
        check_intensity("hair", 1.0)
    assert check_intensity("all", 1) == 1.0


def test_what_is_covered_is_left_as_it_is():
    layer, free = lurid(), SEEN.copy()
    free[:, : SIZE // 2] = 0
    part, whole = (gate_layer(layer, SEEN, [1.0] * 6, 1.0, free=f).affine for f in (free, None))
    assert (part[:, : SIZE // 2] == IDENTITY).all()
    assert np.array_equal(part[:, SIZE // 2 :], whole[:, SIZE // 2 :])
