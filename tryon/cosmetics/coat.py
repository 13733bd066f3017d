"""One coat of a product: its pigment, and the light that its finish sends back."""

from __future__ import annotations

from torch import Tensor

from tryon.cosmetics.batch import StyleBatch
from tryon.cosmetics.brushes import BrushFields
from tryon.cosmetics.pigment import Coats, hiding
from tryon.cosmetics.substrate import Substrate

LOBE = 14  # sharpness of the broad highlight


def lay(
    coats: Coats, s: Substrate, b: StyleBatch, f: BrushFields, layer: str, alpha: Tensor,
    color: Tensor, coverage: Tensor, lit: Tensor | None = None,
) -> Coats:  # fmt: skip
    """Put a product on.

    Args:
        coats: what lies there.
        s: the face.
        b: the styles; the finish of `layer` is used.
        f: brush fields.
        layer: name of the layer.
        alpha: (B or 1, 1, H, W) where.
        color: (B or 1, 3, 1, 1) linear.
        coverage: (B or 1, 1, 1, 1) share of what lies below that it hides, 0..1.
        lit: where its finish shines, if not all over `alpha`.
    """
    thick = hiding(coverage * b.finish(layer, "cover"))
    coats = coats.coat(alpha, color, thick, b.finish(layer, "detail"))
    light: Tensor | None = None
    if b.has(layer, "sheen") or b.has(layer, "glint"):
        broad = b.finish(layer, "sheen") * f.lobe.clamp_min(0) ** LOBE
        light = (broad + b.finish(layer, "glint") * f.sparkle) * (0.3 + color)
    if b.has(layer, "gloss"):
        lifted = 0.45 * b.finish(layer, "gloss") * (s.relief() - 1.04).clamp(0, 0.6)
        light = lifted if light is None else light + lifted
    if light is None:
        return coats
    alpha = alpha if lit is None else alpha * lit
    return coats.shine(alpha * (0.25 + 0.75 * coverage) * (coverage > 0) * light)
