"""BlazeFace, short range: from the raw tensors of its network to face boxes and keypoints.

Only the arithmetic lives here (anchors, decoding, suppression); the network runs elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tryon.types import Float32

SIZE = 128  # px, side of the network's input
GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell
SAME_FACE = 0.5  # IoU above which two boxes are one face


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face the detector found."""

    score: float  # 0..1
    box: NDArray[np.float64]  # (2, 2): corners (x0, y0), (x1, y1)
    keypoints: NDArray[np.float64]  # (6, 2): eyes (picture's left first), nose, mouth, ears

    def mapped(self, affine: NDArray[np.float64]) -> Detection:
        """The same detection after an upright (2, 3) affine map."""
        linear, offset = affine[:, :2].T, affine[:, 2]
        return Detection(self.score, self.box @ linear + offset, self.keypoints @ linear + offset)


@cache
def anchors() -> NDArray[np.float64]:
    """Anchor centres, (896, 2) in px of the network's input; their size is fixed to the input."""
    centres = []
    for cells, repeat in GRIDS:
        y, x = np.mgrid[:cells, :cells] + 0.5
        grid = np.stack([x, y], -1).reshape(-1, 2) * (SIZE / cells)
        centres.append(grid.repeat(repeat, 0))
    return np.concatenate(centres)


def decode(regressors: Float32, logits: Float32, min_score: float) -> list[Detection]:
    """Turn raw tensors into faces, best first.

    Args:
        regressors: (896, 16) centre, size and six keypoints in px relative to each anchor.
        logits: (896,) score before the sigmoid.
        min_score: 0..1, boxes below it are ignored.

    Returns:
        Detections in px of the network's input.
    """
    scores = sigmoid(logits)
    keep = np.flatnonzero(scores >= min_score)
    keep = keep[np.argsort(-scores[keep], kind="stable")]
    scores, raw, anchor = scores[keep], regressors[keep].astype(np.float64), anchors()[keep]
    centre, half = raw[:, :2] + anchor, raw[:, 2:4] / 2
    boxes = np.stack([centre - half, centre + half], 1)
    keypoints = raw[:, 4:].reshape(-1, 6, 2) + anchor[:, None]
    return _merge(scores, boxes, keypoints)


def sigmoid(logits: Float32) -> NDArray[np.float64]:
    """Logistic function, clipped as MediaPipe does so that it never overflows."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100))))


def _merge(
    scores: NDArray[np.float64], boxes: NDArray[np.float64], keypoints: NDArray[np.float64]
) -> list[Detection]:
    """Weighted non-maximum suppression: boxes of one face become their average by score."""
    area = np.prod(boxes[:, 1] - boxes[:, 0], axis=1)
    left = np.ones(len(scores), bool)
    faces = []
    while left.any():
        best = int(left.argmax())  # scores are sorted
        low, high = np.maximum(boxes[:, 0], boxes[best, 0]), np.minimum(boxes[:, 1], boxes[best, 1])
        common = np.prod(np.clip(high - low, 0, None), axis=1)
        same = left & (common > SAME_FACE * (area + area[best] - common))
        same[best] = True
        weights = scores[same] / scores[same].sum()
        faces.append(
            Detection(
                float(scores[best]),
                np.tensordot(weights, boxes[same], 1),
                np.tensordot(weights, keypoints[same], 1),
            )
        )
        left &= ~same
    return faces
