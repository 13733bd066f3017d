"""Landmarks without jitter: where the face is and what shape it has are filtered apart.

The place, turn and size in the picture come from all points together, so they have little noise
and may be followed at once; the shape changes slowly, so that its noise can be averaged away even
while the head moves fast. One filter over both must choose between lag and swimming makeup.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tryon.face.one_euro import OneEuro
from tryon.types import Float32

Plane = NDArray[np.complex64]
"""Points of the picture as complex numbers: a similarity is one product and one sum."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Two One-Euro filters; speeds are in face sizes."""

    place: OneEuro
    shape: OneEuro


class CarriedFilter:
    """Filters the landmarks of one face, frame by frame."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next landmarks pass unchanged."""
        self._filters.place.reset()
        self._filters.shape.reset()
        self._shape: Float32 | None = None

    def __call__(self, landmarks: Float32, seconds: float) -> Float32:
        """Filter one frame.

        Args:
            landmarks: (N, 3) px as measured; z in the unit of x.
            seconds: since the frame before, > 0.

        Returns:
            (N, 3) px, a new array.
        """
        fresh = self._shape is None
        if self._shape is None:
            self._shape = _centred(landmarks)
        turn, offset = _similarity(_plane(self._shape), _plane(landmarks))
        size = abs(turn)
        seen = np.empty_like(landmarks)
        _set_plane(seen, (_plane(landmarks) - offset) / turn)
        seen[:, 2] = landmarks[:, 2] / np.float32(size)
        self._shape = self._filters.shape(seen, seconds, 1.0)
        # The centre, and a point one face size beside it: they tell the whole similarity.
        marks = np.array([offset, offset + turn], np.complex64).view(np.float32).reshape(2, 2)
        centre, beside = _plane(self._filters.place(marks, seconds, float(size)))
        moved = np.empty_like(landmarks)
        _set_plane(moved, (beside - centre) * _plane(self._shape) + centre)
        moved[:, 2] = self._shape[:, 2] * np.float32(abs(beside - centre))
        return landmarks.copy() if fresh else moved


def _centred(landmarks: Float32) -> Float32:
    """The landmarks around their mean, the mean of the box's sides as unit."""
    size = np.ptp(landmarks[:, :2], axis=0).mean()
    shape = landmarks / size
    shape[:, :2] -= shape[:, :2].mean(0)
    return np.asarray(shape, np.float32)


def _plane(points: Float32) -> Plane:
    return points[:, 0] + np.complex64(1j) * points[:, 1]


def _set_plane(points: Float32, plane: Plane) -> None:
    points[:, 0], points[:, 1] = plane.real, plane.imag


def _similarity(shape: Plane, points: Plane) -> tuple[np.complex64, np.complex64]:
    """Least-squares turn-and-scale, and offset, that lay a shape on points (Umeyama, 1991)."""
    a, b = shape - shape.mean(), points - points.mean()
    turn = np.vdot(a, b) / np.vdot(a, a).real
    return np.complex64(turn), np.complex64(points.mean() - turn * shape.mean())
