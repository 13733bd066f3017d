"""Following faces over time: parsed faces in, the same with stable ids and steady landmarks out.

A face that is not in the input is never invented, and the pictures are never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from tryon.errors import ConfigError
from tryon.face.one_euro import OneEuro
from tryon.face.pose import estimate_pose
from tryon.types import Face, Float32

SHORTEST, LONGEST = 1e-4, 10.0  # s between two frames that smoothing bridges
FARTHEST = 1e6  # px, beyond any picture


@dataclass(frozen=True, slots=True)
class TrackConfig:
    """Settings of the tracker; the filter's are those of MediaPipe's face graph.

    Raises:
        ConfigError: a value is outside its range.
    """

    smooth: bool = True
    min_cutoff: float = 0.05  # Hz, see OneEuro
    beta: float = 80.0  # Hz per face size a second
    derivative_cutoff: float = 1.0  # Hz
    still_step: float = 0.007  # face sizes a frame that noise can feign, see OneEuro
    same_face: float = 1.0  # mean landmark distance, in face sizes, above which it is another face
    jump: float = 0.3  # mean landmark step, in face sizes, above which the filter starts afresh
    keep_seconds: float = 0.5  # how long the id of a lost face is kept

    def __post_init__(self) -> None:
        for name in ("min_cutoff", "derivative_cutoff", "same_face", "jump"):
            if not 0 < getattr(self, name) < inf:
                raise ConfigError(f"TrackConfig.{name} is {getattr(self, name)}; use a number > 0")
        for name in ("beta", "still_step", "keep_seconds"):
            if not 0 <= getattr(self, name) < inf:
                raise ConfigError(f"TrackConfig.{name} is {getattr(self, name)}; use a number >= 0")


class FaceTracker:
    """Gives each face an id that stays with it, and removes jitter from its landmarks.

    Faces are matched to tracks by the mean distance of their landmarks in units of face size,
    closest pair first: one measure of place, size and shape.
    """

    def __init__(self, config: TrackConfig | None = None) -> None:
        self._config = config or TrackConfig()
        self._next_id = 0
        self._tracks: list[_Track] = []

    def reset(self) -> None:
        """Forget all faces, as after a cut or a seek; ids are not given twice."""
        self._tracks = []

    def update(self, faces: tuple[Face, ...], seconds: float) -> tuple[Face, ...]:
        """Follow the faces of one frame.

        Args:
            faces: what the parser found; faces with NaN or absurd landmarks are dropped.
            seconds: time of the frame on any steady clock. When it does not advance, as after a
                seek, smoothing starts afresh.

        Returns:
            The faces in the order of their ids, with `track_id`, steady landmarks and their pose.
        """
        real = [face for face in faces if _usable(face.landmarks)]
        pairs = self._match(real)
        out = [
            pairs[i].follow(face, seconds, self._config)
            if i in pairs
            else self._start(face, seconds)
            for i, face in enumerate(real)
        ]
        keep = self._config.keep_seconds
        self._tracks = [t for t in self._tracks if abs(seconds - t.seconds) <= keep]
        return tuple(sorted(out, key=lambda face: face.track_id))

    def _match(self, faces: list[Face]) -> dict[int, _Track]:
        """Pair faces (by index) with tracks, closest first, each used once."""
        costs = sorted(
            (distance, i, j)
            for i, face in enumerate(faces)
            for j, track in enumerate(self._tracks)
            if (distance := _distance(face.landmarks, track.landmarks)) < self._config.same_face
        )
        pairs: dict[int, _Track] = {}
        used: set[int] = set()
        for _, i, j in costs:
            if i not in pairs and j not in used:
                pairs[i] = self._tracks[j]
                used.add(j)
        return pairs

    def _start(self, face: Face, seconds: float) -> Face:
        track = _Track(self._next_id, face.landmarks, seconds, self._config)
        self._next_id += 1
        self._tracks.append(track)
        return track.follow(face, seconds, self._config)


class _Track:
    """One face over time."""

    def __init__(self, name: int, landmarks: Float32, seconds: float, config: TrackConfig) -> None:
        self.landmarks = landmarks  # as measured last
        self.seconds = seconds
        self._id = name
        self._filter = OneEuro(
            config.min_cutoff, config.beta, config.derivative_cutoff, config.still_step
        )

    def follow(self, face: Face, seconds: float, config: TrackConfig) -> Face:
        """Take the face of a new frame; return it with this id, steadied."""
        elapsed = seconds - self.seconds
        jumped = _distance(face.landmarks, self.landmarks) > config.jump
        self.landmarks, self.seconds = face.landmarks, seconds
        if not config.smooth:
            return replace(face, track_id=self._id)
        if jumped or not SHORTEST <= elapsed <= LONGEST:
            self._filter.reset()
            elapsed = 1.0  # not used by a fresh filter
        steady = self._filter(face.landmarks, elapsed, _size(face.landmarks))
        return replace(face, landmarks=steady, pose=estimate_pose(steady), track_id=self._id)


def _usable(landmarks: Float32) -> bool:
    """Whether all coordinates are numbers near a picture and the face spans a pixel."""
    return bool(np.abs(landmarks).max() < FARTHEST) and _size(landmarks) >= 1


def _size(landmarks: Float32) -> float:
    """Mean of width and height of the landmark box, px."""
    return float(np.ptp(landmarks[:, :2], axis=0).mean())


def _distance(a: Float32, b: Float32) -> float:
    """Mean distance of the landmarks in the picture, in mean face sizes."""
    gap = np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean()
    return float(gap * 2 / (_size(a) + _size(b)))
