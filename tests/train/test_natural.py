"""Lips unlike all others are found, whatever the skin and light; the others are left alone."""

import torch

from tests.train.lips import RED, SIZE, people
from tryon.cosmetics.pigment import to_linear
from tryon.train.natural import DISTANCE, LEAST, distance_from_natural, lip_signature


def parts(cache, gain=1.0):
    pictures = cache.texture.float() / 255
    return gain * to_linear(pictures[:, :3]), pictures[:, 3:], cache.skin.float() / 255


def test_the_signature_does_not_depend_on_the_light():
    cache = people()
    plain, darker = (lip_signature(*parts(cache, gain)) for gain in (1.0, 0.5))
    assert plain.shape == (len(cache.names), 3)
    torch.testing.assert_close(plain, darker, atol=0.02, rtol=0)


def test_lipstick_that_nobody_told_of_is_found():
    cache = people()
    distance = distance_from_natural(
        lip_signature(*parts(cache)), cache.ita, torch.ones(len(cache.names), dtype=torch.bool)
    )
    found = set((distance > DISTANCE).nonzero()[:, 0].tolist())
    assert set(RED) <= found
    assert len(found) <= len(RED) + 5  # of 67: what is natural varies, too


def test_hidden_lips_say_nothing():
    cache = people()
    linear, seen, skin = parts(cache)
    seen[3] = 0
    signature = lip_signature(linear, seen, skin)
    assert torch.isnan(signature[3]).all()
    bare = torch.ones(len(cache.names), dtype=torch.bool)
    assert distance_from_natural(signature, cache.ita, bare)[3] == 0
    assert LEAST < SIZE * SIZE
