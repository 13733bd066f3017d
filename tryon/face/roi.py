"""Rotated regions of interest: from a detection or from landmarks to the crop a network reads.

The geometry is that of MediaPipe's graph, to a hundredth of a pixel; no network runs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

from tryon.face.detector import Detection
from tryon.types import Float32, UInt8

GROWTH = 1.5  # the crop is this much larger than the face, so that a moving face stays inside
EYE_CORNERS = (33, 263)  # outer eye corners: picture's left, picture's right


@dataclass(frozen=True, slots=True)
class Roi:
    """A rotated rectangle of a frame; centre and sides in px, angle in rad, clockwise."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    @staticmethod
    def of_frame(width: int, height: int) -> Roi:
        """The square that holds a whole frame, letterboxed."""
        side = max(width, height)
        return Roi(width / 2, height / 2, side, side)

    @staticmethod
    def of_detection(detection: Detection) -> Roi:
        """The region for the landmark network, turned until the eyes are level."""
        (x0, y0), (x1, y1) = detection.box
        left, right = detection.keypoints[:2]
        return Roi(
            float(x0 + x1) / 2,
            float(y0 + y1) / 2,
            float(x1 - x0) * GROWTH,
            float(y1 - y0) * GROWTH,
            atan2(right[1] - left[1], right[0] - left[0]),
        )

    @staticmethod
    def of_landmarks(landmarks: Float32) -> Roi:
        """The region for the next frame, from landmarks (478, 3) in px of this one.

        The box is upright in the frame and only then turned, as in MediaPipe's graph.
        """
        x0, y0 = landmarks[:, :2].min(0).tolist()
        x1, y1 = landmarks[:, :2].max(0).tolist()
        (ax, ay), (bx, by) = landmarks[EYE_CORNERS, :2].tolist()
        side = max(x1 - x0, y1 - y0) * GROWTH
        return Roi((x0 + x1) / 2, (y0 + y1) / 2, side, side, atan2(by - ay, bx - ax))

    def to_frame(self, size: int) -> NDArray[np.float64]:
        """The (2, 3) affine map from a crop of `size` x `size` px to px of the frame."""
        c, s = cos(self.angle), sin(self.angle)
        sx, sy = self.width / size, self.height / size
        linear = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
        offset = np.array([self.x, self.y]) - linear @ (size / 2, size / 2)
        return np.column_stack([linear, offset])

    def landmarks(self, raw: Float32, size: int) -> Float32:
        """Map landmarks (N, 3) in px of a crop to px of the frame; z keeps the scale of x.

        MediaPipe itself scales z in coordinates divided by the frame's width and height, which
        stretches z when the face is turned and the frame is not square; this does not.
        """
        affine = self.to_frame(size)
        points = np.empty_like(raw, np.float32)
        points[:, :2] = raw[:, :2] @ affine[:, :2].T + affine[:, 2]
        points[:, 2] = raw[:, 2] * (self.width / size)
        return points

    def crop(self, image: UInt8, out: UInt8, *, replicate: bool) -> None:
        """Read the region into a square crop, bilinear.

        Args:
            image: (H, W, 3) the frame.
            out: (S, S, 3) where the crop is written.
            replicate: outside the frame, repeat its edge; otherwise black.
        """
        import cv2

        cv2.warpAffine(
            image,
            self.to_frame(len(out)),
            out.shape[1::-1],
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT,
        )

    def iou(self, other: Roi) -> float:
        """Intersection over union of the two rectangles, their angles ignored."""
        w = min(self.x + self.width / 2, other.x + other.width / 2) - max(
            self.x - self.width / 2, other.x - other.width / 2
        )
        h = min(self.y + self.height / 2, other.y + other.height / 2) - max(
            self.y - self.height / 2, other.y - other.height / 2
        )
        common = max(w, 0.0) * max(h, 0.0)
        union = self.width * self.height + other.width * other.height - common
        return common / union if union > 0 else 0.0

    @property
    def usable(self) -> bool:
        """Whether the sides are finite and at least a pixel long."""
        size = hypot(self.width, self.height)
        return bool(np.isfinite([self.x, self.y, size]).all()) and min(self.width, self.height) >= 1
