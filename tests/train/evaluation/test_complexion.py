"""A reference's own skin is told from its makeup."""

from tests.train.evaluation.models import nothing, tinted
from tryon.cosmetics.pigment import to_linear
from tryon.train.evaluation.complexion import bare_changes, same_lips


def copied(source, reference):
    """The reference itself, skin and all."""
    layer = nothing(source, reference)
    layer[:, :3] = 0
    layer[:, 3:] = to_linear(reference[:, :3])
    return layer


def test_a_model_deaf_to_its_reference_gives_the_same_lips_but_changes_bare_ones(cache):
    lips = same_lips(cache, tinted, "test", 8)
    assert lips
    assert max(lips) < 1e-6
    assert min(bare_changes(cache, tinted, "test", 4)) > 0.5


def test_a_model_that_does_nothing_changes_no_bare_face(cache):
    changes = bare_changes(cache, nothing, "test", 4)
    assert changes
    assert max(changes) < 1e-3


def test_a_model_that_copies_the_complexion_gives_other_lips(cache):
    assert max(same_lips(cache, copied, "test", 8)) > 3
