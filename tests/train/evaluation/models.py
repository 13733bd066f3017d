"""Models whose answers are known, for tests of what is measured."""

from tryon.cosmetics.pigment import Affine


def nothing(source, reference):
    """The layer that changes nothing."""
    return Affine.identity_like(source[:, :3]).packed()


def tinted(source, reference):
    """The same layer whatever the reference: red over everything."""
    layer = nothing(source, reference).clone()
    layer[:, 0] += 0.1
    return layer
