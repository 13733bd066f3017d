"""Tokens: groups are spliced whole, and the number of features is fixed."""

import pytest
import torch

from tryon.errors import ConfigError
from tryon.models.tokens import (
    GROUP_OF,
    TOKEN_REGIONS,
    Resampler,
    TokenConfig,
    blend,
    group,
    group_masks,
    splice,
)
from tryon.types import REGIONS

TINY = TokenConfig(per_region=3, width=16, depth=2, heads=2, head_width=8, expansion=2)


@pytest.fixture
def looks():
    return torch.rand(2, 12, 8), torch.rand(2, 12, 8)


def test_features_become_a_group_of_tokens_for_each_region():
    resampler = Resampler(TINY, inputs=10, features=20, outputs=6)
    tokens = resampler(torch.rand(2, 20, 10))
    assert tokens.shape == (2, 4 * 3, 6)
    tokens.square().sum().backward()
    assert all(p.grad is not None for p in resampler.parameters())


def test_another_number_of_features_is_refused():
    with pytest.raises(ConfigError, match="encoder layers"):
        Resampler(TINY, 10, 20, 6)(torch.rand(2, 40, 10))


def test_the_place_of_a_feature_matters():
    resampler = Resampler(TINY, 10, 20, 6)
    features = torch.rand(1, 20, 10)
    assert not torch.allclose(resampler(features), resampler(features.flip(1)), atol=1e-4)


def test_splicing_a_looks_own_tokens_changes_nothing(looks):
    own, _ = looks
    assert torch.equal(splice(own, dict.fromkeys(TOKEN_REGIONS, own)), own)


@pytest.mark.parametrize("region", TOKEN_REGIONS)
def test_a_splice_replaces_one_whole_group(looks, region):
    own, other = looks
    mixed = splice(own, {region: other})
    here = group(region, 3)
    assert torch.equal(mixed[:, here], other[:, here])
    elsewhere = torch.ones(12, dtype=torch.bool)
    elsewhere[here] = False
    assert torch.equal(mixed[:, elsewhere], own[:, elsewhere])


def test_strength_goes_from_the_look_to_the_other(looks):
    own, other = looks
    here = group("lips", 3)
    assert torch.equal(blend(own, {"lips": (other, 0.0)}), own)
    half = blend(own, {"lips": (other, 0.5)})[:, here]
    assert torch.allclose(half, (own + other)[:, here] / 2)


def test_groups_are_disjoint_and_unknown_ones_refused():
    places = [i for r in TOKEN_REGIONS for i in range(12)[group(r, 3)]]
    assert places == list(range(12))
    with pytest.raises(ConfigError, match="chin"):
        group("chin", 3)


def test_masks_of_groups_add_up_to_the_face():
    regions = torch.rand(6, 4, 4).softmax(0)
    masks = group_masks(regions)
    assert torch.allclose(masks.sum(0), torch.ones(4, 4))
    eyes = regions[REGIONS.index("eyes")] + regions[REGIONS.index("brows")]
    assert torch.allclose(masks[TOKEN_REGIONS.index("eyes")], eyes)
    assert set(GROUP_OF) == set(REGIONS)
    assert torch.equal(group_masks(regions.expand(2, -1, -1, -1))[1], masks)
