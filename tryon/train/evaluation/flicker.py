"""How much a film flickers once its motion is taken out: optical flow, always of the bare film.

It compares neighbouring frames and never changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tryon.types import UInt8

Mask = NDArray[np.bool_]
WIDEST = 384  # px; a larger face is made smaller first
AGREE = 1.0  # px by which flow forth and back may miss before a pixel counts as uncovered


@dataclass(frozen=True, slots=True)
class Change:
    """Mean |difference| from the warped frame before, levels inside the face."""

    bare: float  # of the untouched film
    worn: float  # of the film with makeup
    layer: float  # of the makeup alone: what is worn less what is bare


class FlickerMeter:
    """Takes a film frame by frame, bare and worn side by side."""

    def __init__(self) -> None:
        import cv2

        self._flow = cv2.DISOpticalFlow.create(cv2.DISOpticalFlow_PRESET_MEDIUM)
        self._before: tuple[UInt8, UInt8] | None = None

    def __call__(self, bare: UInt8, worn: UInt8, mask: Mask) -> Change | None:
        """Count one frame.

        Args:
            bare: (H, W, 3) uint8 RGB.
            worn: the same frame with makeup.
            mask: (H, W) pixels inside the face now.

        Returns:
            The change since the frame before; None for the first one, or if nothing compares.
        """
        before, self._before = self._before, (bare, worn)
        if before is None or before[0].shape != bare.shape or not mask.any():
            return None
        box, scale = _box(mask)
        old_bare, old_worn, new_bare, new_worn = (
            _cut(image, box, scale) for image in (*before, bare, worn)
        )
        inside = _cut(mask.astype(np.uint8), box, scale) > 0
        back, agrees = self._motion(new_bare, old_bare)
        inside &= agrees
        if not inside.any():
            return None
        moved = _warp(old_bare, back), _warp(old_worn, back)
        now = new_bare.astype(np.float32), new_worn.astype(np.float32)
        layers = (now[1] - now[0]) - (moved[1] - moved[0])
        return Change(*(
            float(np.abs(difference[inside]).mean())
            for difference in (now[0] - moved[0], now[1] - moved[1], layers)
        ))  # fmt: skip

    def restart(self) -> None:
        """Forget the frame before, as at a cut."""
        self._before = None

    def _motion(self, new: UInt8, old: UInt8) -> tuple[NDArray[np.float32], Mask]:
        """Where each pixel was, px, and whether the flow back agrees."""
        import cv2

        a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (new, old))
        back, forth = self._flow.calc(a, b, None), self._flow.calc(b, a, None)
        gap = back + _warp(forth, back)
        return back, np.asarray((gap**2).sum(-1) < AGREE**2)


def flicker_floor(bare: UInt8, worn: UInt8, mask: Mask, frames: int = 24) -> float:
    """Flicker of makeup that is part of the skin: what a perfect layer would measure.

    It lies above 1, because makeup adds contrast and resampling blurs contrast. One picture is
    moved as a head sways, with its makeup and without.

    Args:
        bare: (H, W, 3) uint8 RGB.
        worn: the same picture with makeup.
        mask: (H, W) pixels inside the face.
        frames: of the film made of them.

    Returns:
        Change of the worn film over that of the bare one; NaN if nothing compares.
    """
    import cv2

    rows, columns = np.nonzero(mask)
    centre, width = (float(columns.mean()), float(rows.mean())), float(np.ptp(columns))
    meter, changes = FlickerMeter(), []
    for index in range(frames):
        a = 2 * np.pi * index / 150
        matrix = cv2.getRotationMatrix2D(centre, 6 * np.sin(2 * a), 1 + 0.08 * np.sin(a))
        matrix[:, 2] += 0.3 * width * np.sin(a), 0.07 * width * np.sin(3 * a)
        shape = mask.shape[1::-1]
        moved = [cv2.warpAffine(i, matrix, shape) for i in (bare, worn, mask.astype(np.uint8))]
        change = meter(moved[0], moved[1], moved[2] > 0)
        if change is not None:
            changes.append(change)
    still = sum(change.bare for change in changes)
    return sum(change.worn for change in changes) / still if still else float("nan")


def _box(mask: Mask, margin: int = 16) -> tuple[tuple[slice, slice], float]:
    """Rows and columns around a mask, and the scale at which they are compared."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    y0, x0 = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    box = slice(y0, int(rows[-1]) + margin), slice(x0, int(columns[-1]) + margin)
    return box, min(1.0, WIDEST / max(int(columns[-1]) - x0 + margin, 1))


def _cut(image: Any, box: tuple[slice, slice], scale: float) -> Any:
    import cv2

    part = np.ascontiguousarray(image[box])
    if scale >= 1:
        return part
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _warp(image: Any, flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sample an image where the flow points, for every pixel."""
    import cv2

    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return np.asarray(
        cv2.remap(
            image.astype(np.float32), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )  # fmt: skip
