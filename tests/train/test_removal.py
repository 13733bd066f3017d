"""Removal: exchanged pairs take the makeup off, and refer to somebody bare."""

from dataclasses import replace

import torch

from tryon.train.losses import composite
from tryon.train.removal import with_removal


def generator():
    return torch.Generator().manual_seed(0)


def test_an_exchanged_pair_leads_from_made_up_to_bare(pairs):
    batch = pairs.batch(16, 6)
    swapped = with_removal(batch, 1.0, generator())
    assert torch.equal(swapped.source[:, :3], batch.target)
    assert torch.equal(swapped.target, batch.source[:, :3])
    assert torch.allclose(composite(swapped.source, swapped.affine), swapped.target, atol=2e-3)


def test_the_reference_is_bare_and_of_another_person(pairs):
    swapped = with_removal(pairs.batch(16, 6), 1.0, generator())
    assert bool((swapped.wearer != swapped.person).all())
    bare = pairs.__class__().batch(16, 6).source
    for reference, wearer in zip(swapped.reference, swapped.wearer, strict=True):
        assert torch.equal(reference, bare[int(wearer)])


def test_pairs_without_makeup_or_without_another_person_stay(pairs):
    batch = pairs.batch(16, 3)
    nothing = replace(batch, target=batch.source[:, :3])
    assert torch.equal(with_removal(nothing, 1.0, generator()).reference, batch.reference)
    alone = replace(batch, person=torch.zeros(3, dtype=torch.long))
    assert torch.equal(with_removal(alone, 1.0, generator()).source, batch.source)


def test_a_share_of_none_changes_nothing(pairs):
    batch = pairs.batch(16, 4)
    assert torch.equal(with_removal(batch, 0.0, generator()).source, batch.source)
