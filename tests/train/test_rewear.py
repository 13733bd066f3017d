"""The layer from one makeup to another: exact, and never amplified without bound."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tryon.cosmetics.pigment import Affine
from tryon.train.rewear import MOST_GAIN, between, chosen


def makeup(seed):
    rng = torch.Generator().manual_seed(seed)
    alpha = 0.99 * torch.rand((2, 3, 8, 8), generator=rng)
    return Affine(1 - alpha, alpha * torch.rand((2, 3, 8, 8), generator=rng))


@given(st.integers(0, 1000))
def test_the_layer_takes_a_face_from_one_makeup_to_the_other(seed):
    linear = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(seed + 1))
    before, after = makeup(seed), makeup(seed + 2)
    gain, offset = between(linear, before, after).chunk(2, 1)
    torch.testing.assert_close(gain * before(linear) + offset, after(linear), atol=1e-5, rtol=0)
    assert gain.max() <= MOST_GAIN


def test_from_bare_skin_it_is_the_makeup_itself_and_to_the_same_it_is_nothing():
    linear, after = torch.full((2, 3, 8, 8), 0.4), makeup(3)
    none = Affine.identity_like(linear)
    torch.testing.assert_close(between(linear, none, after), after.packed())
    torch.testing.assert_close(between(linear, after, after), none.packed(), atol=1e-4, rtol=0)


def test_each_face_gets_the_makeup_chosen_for_it():
    some, others = makeup(1), makeup(2)
    mixed = chosen(torch.tensor([True, False])[:, None, None, None], some, others)
    assert torch.equal(mixed.gain[0], some.gain[0])
    assert torch.equal(mixed.offset[1], others.offset[1])
