"""Makeup regions of the atlas: soft masks that partition the face, and what is never painted.

It turns landmark contours into masks once for each resolution. It never looks at pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tryon.face import landmarks as lm
from tryon.face.atlas import DEFAULT_SIZE, atlas
from tryon.face.curves import catmull_rom, distance_to_polyline
from tryon.types import REGIONS, Float32

RIM_WIDTH = 8.0  # texels of a 256 atlas over which makeup fades out towards the face's outline


@dataclass(frozen=True, slots=True, eq=False)
class RegionMasks:
    """Constants of the atlas at one resolution."""

    weights: Float32  # (A, A, 6) in the order of REGIONS; sums to 1 inside the face, 0 outside
    exclusion: Float32  # (A, A), 1 on eye openings, inner mouth and nostrils
    rim: Float32  # (A, A), 0 at the outline of the face .. 1 from RIM_WIDTH inwards
    sheet_sources: NDArray[np.int32]  # (2, A, A) flat texel to copy for the sheets rest, lips

    def of(self, region: str) -> Float32:
        """(A, A) weight of one region."""
        return self.weights[..., REGIONS.index(region)]

    @property
    def paintable(self) -> Float32:
        """(A, A) where makeup may lie: inside the rim and outside the exclusions."""
        return self.rim * (1 - self.exclusion)


@cache
def region_masks(size: int = DEFAULT_SIZE) -> RegionMasks:
    """Draw (once) the masks at `size` texels a side."""
    texture = atlas(size)
    unit = size / 256  # softness is given in texels of a 256 atlas

    def draw(contour: tuple[int, ...], softness: float, grow: float = 0.0) -> Float32:
        points = texture.uv[list(contour)]
        return fill_polygon(catmull_rom(points, 4, closed=True), size, softness * unit, grow * unit)

    def both(right: Float32, left: Float32) -> Float32:
        return np.maximum(right, left)

    mouth = draw(lm.LIPS_INNER, 1.0)
    openings = both(*(draw(eye.opening, 1.0) for eye in lm.EYES))
    nostrils = both(draw(lm.NOSTRIL_R, 2.0), draw(lm.NOSTRIL_L, 2.0))
    # In order of priority: each region takes what the ones before it left over.
    wanted = {
        "lips": draw(lm.LIPS_OUTER, 1.0),
        "brows": both(*(draw(eye.brow, 4.0, grow=2.0) for eye in lm.EYES)),
        "eyes": both(*(draw(_shadow_area(eye), 6.0, grow=2.0) for eye in lm.EYES)),
        "nose": draw(lm.NOSE, 5.0),
        "cheeks": both(draw(lm.CHEEK_R, 14.0, grow=8.0), draw(lm.CHEEK_L, 14.0, grow=8.0)),
        "skin": texture.inside.astype(np.float32),
    }
    left_over = texture.inside.astype(np.float32)
    weights = np.zeros((size, size, len(REGIONS)), np.float32)
    for name, mask in wanted.items():
        weights[..., REGIONS.index(name)] = mask * left_over
        left_over = left_over * (1 - mask)
    oval = texture.uv[list(lm.FACE_OVAL)]
    rim = fill_polygon(oval, size, RIM_WIDTH * unit, grow=-0.6 * RIM_WIDTH * unit)
    rim *= texture.inside
    sources = _sheet_sources(wanted["lips"] - mouth, texture.inside)
    sources.setflags(write=False)  # as the atlas
    return RegionMasks(
        weights=weights,
        exclusion=np.maximum(np.maximum(mouth, openings), nostrils) * texture.inside,
        rim=rim.astype(np.float32),
        sheet_sources=sources,
    )


def fill_polygon(polygon: Float32, size: int, softness: float, grow: float = 0.0) -> Float32:
    """Fill a closed polygon with a soft edge.

    Args:
        polygon: (N, 2) texel coordinates.
        size: texels a side of the result.
        softness: width of the edge in texels; the edge is centred on the polygon.
        grow: texels by which the outline is moved outwards.

    Returns:
        (size, size) float32 in [0, 1].
    """
    out = np.zeros((size, size), np.float32)
    margin = softness + max(grow, 0) + 1
    x0, y0 = np.maximum(np.floor(polygon.min(0) - margin).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(polygon.max(0) + margin).astype(int), size)
    x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
    closed = np.concatenate([polygon, polygon[:1]])
    odd = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in pairwise(closed):
        if ay != by:
            odd ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    distance = distance_to_polyline(np.stack([x, y], -1).astype(np.float32), closed)
    signed = np.where(odd, distance, -distance) + grow
    t = np.clip(signed / max(softness, 1e-6) + 0.5, 0, 1)
    out[y0:y1, x0:x1] = t * t * (3 - 2 * t)
    return out


def _shadow_area(eye: lm.EyeLandmarks) -> tuple[int, ...]:
    """Closed contour from the brow's lower edge round to the crease under the eye."""
    return eye.brow_lower + eye.under[::-1]


def _sheet_sources(lips: Float32, inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """For each sheet (rest, lips): the texel of that sheet which is nearest to each texel.

    A frame pixel on the lip contour samples both sheets and mixes them by its exact coverage, so
    neither sheet may hold colour of the other there.
    """
    sources = np.empty((2, *lips.shape), np.int32)
    for sheet, own in enumerate((inside & (lips <= 0.01), lips >= 0.99)):
        sources[sheet] = _nearest(own)
    return sources


def _nearest(own: NDArray[np.bool_], reach: int = 24) -> NDArray[np.int32]:
    """Flat index of the nearest texel of a set, by jump flooding; itself beyond `reach`."""
    height, width = own.shape
    flat = np.arange(own.size, dtype=np.int32).reshape(own.shape)
    y, x = np.divmod(flat, width)
    best = np.where(own, flat, -1)

    def distance(index: NDArray[np.int32]) -> NDArray[np.int64]:
        by, bx = np.divmod(index, width)
        gap = (by - y).astype(np.int64) ** 2 + (bx - x) ** 2
        return np.where(index < 0, np.int64(1) << 40, gap)

    step = 32
    while step:
        for dy in (-step, 0, step):
            for dx in (-step, 0, step):
                rows = np.clip(np.arange(height) + dy, 0, height - 1)
                columns = np.clip(np.arange(width) + dx, 0, width - 1)
                other = best[rows][:, columns]
                best = np.where(distance(other) < distance(best), other, best)
        step //= 2
    return np.where(distance(best) <= reach**2, best, flat).astype(np.int32)
