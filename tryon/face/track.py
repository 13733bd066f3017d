"""Following faces over time: parsed faces in, the same with stable ids and steady landmarks out.

A face that is not in the input is never invented, and the pictures are never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf

import numpy as np

from tryon.errors import ConfigError
from tryon.face.carried import CarriedFilter, Filters
from tryon.face.one_euro import OneEuro
from tryon.face.pose import estimate_pose
from tryon.types import Face, Float32

SHORTEST, LONGEST = 1e-4, 10.0  # s between two frames that smoothing bridges
FARTHEST = 1e6  # px, beyond any picture
_HIDDEN = 0.2  # face sizes by which a face that was hidden must fit better than one that was not
_STEADY_S = 0.15  # s over which the speed of a face is measured
_COAST_S = 0.5  # s over which an unseen face is thought to come to rest


@dataclass(frozen=True, slots=True)
class TrackConfig:
    """Settings of the tracker.

    Raises:
        ConfigError: a value is outside its range.
    """

    smooth: bool = True
    min_cutoff: float = 0.05  # Hz, see OneEuro
    beta: float = 200.0  # Hz per face size a second, for its place, turn and size in the picture
    shape_beta: float = 40.0  # the same for its shape: expressions, and turning away
    derivative_cutoff: float = 1.0  # Hz
    still_step: float = 0.003  # face sizes a frame that noise can feign in the place, see OneEuro
    same_face: float = 1.0  # mean landmark distance, in face sizes, above which it is another face
    jump: float = 0.3  # mean landmark step, in face sizes, above which the filter starts afresh
    keep_seconds: float = 2.0  # how long the id of a lost face is kept, as behind another one

    def __post_init__(self) -> None:
        for name in ("min_cutoff", "derivative_cutoff", "same_face", "jump"):
            if not 0 < getattr(self, name) < inf:
                raise ConfigError(f"TrackConfig.{name} is {getattr(self, name)}; use a number > 0")
        for name in ("beta", "shape_beta", "still_step", "keep_seconds"):
            if not 0 <= getattr(self, name) < inf:
                raise ConfigError(f"TrackConfig.{name} is {getattr(self, name)}; use a number >= 0")

    def filters(self) -> Filters:
        """Fresh filters for a new face."""
        return Filters(
            place=OneEuro(self.min_cutoff, self.beta, self.derivative_cutoff, self.still_step),
            shape=OneEuro(self.min_cutoff, self.shape_beta, self.derivative_cutoff, inf),
        )


class FaceTracker:
    """Gives each face an id that stays with it, and removes jitter from its landmarks.

    Faces are matched to tracks by the mean distance of their landmarks from where they should be
    by now, in units of face size: one measure of place, size and shape. The closest pair comes
    first; a face that was hidden must fit clearly better than one that was seen a frame ago.
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
        pairs = self._match(real, seconds)
        out = [
            pairs[i].follow(face, seconds, self._config)
            if i in pairs
            else self._start(face, seconds)
            for i, face in enumerate(real)
        ]
        keep = self._config.keep_seconds
        self._tracks = [t for t in self._tracks if abs(seconds - t.seconds) <= keep]
        return tuple(sorted(out, key=lambda face: face.track_id))

    def lost(self, seconds: float) -> tuple[Face, ...]:
        """Faces that were followed and not seen in the newest frame, where they should be by now.

        Args:
            seconds: time of the newest frame.
        """
        return tuple(
            replace(track.face, landmarks=track.expected(seconds, track.face.landmarks))
            for track in self._tracks
            if track.seconds < seconds
        )

    def _match(self, faces: list[Face], seconds: float) -> dict[int, _Track]:
        """Pair faces (by index) with tracks, each used once."""
        newest = max((track.seconds for track in self._tracks), default=seconds)
        costs = []
        for j, track in enumerate(self._tracks):
            expected = track.expected(seconds, track.landmarks)
            # The longer a face has been hidden, the less is known of where it went.
            reach = self._config.same_face * (1 + max(newest - track.seconds, 0))
            for i, face in enumerate(faces):
                distance = _distance(face.landmarks, expected)
                if distance < reach:
                    costs.append((distance + _HIDDEN * (track.seconds < newest), i, j))
        pairs: dict[int, _Track] = {}
        used: set[int] = set()
        for _, i, j in sorted(costs):
            if i not in pairs and j not in used:
                pairs[i] = self._tracks[j]
                used.add(j)
        return pairs

    def _start(self, face: Face, seconds: float) -> Face:
        track = _Track(self._next_id, face, seconds, self._config)
        self._next_id += 1
        self._tracks.append(track)
        return track.follow(face, seconds, self._config)


class _Track:
    """One face over time."""

    def __init__(self, name: int, face: Face, seconds: float, config: TrackConfig) -> None:
        self.face = face  # as given out last
        self.landmarks = face.landmarks  # as measured last
        self.seconds = seconds
        self._id = name
        self._speed = np.zeros(2, np.float32)  # px a second
        self._filter = CarriedFilter(config.filters())

    def expected(self, seconds: float, landmarks: Float32) -> Float32:
        """Where landmarks should be by now, going on as the face went, ever slower."""
        elapsed = min(max(seconds - self.seconds, 0.0), LONGEST)
        way = self._speed * np.float32(_COAST_S * (1 - exp(-elapsed / _COAST_S)))
        moved: Float32 = landmarks + np.append(way, np.float32(0))
        return moved

    def follow(self, face: Face, seconds: float, config: TrackConfig) -> Face:
        """Take the face of a new frame; return it with this id, steadied."""
        self.face = self._steadied(face, seconds, config)
        return self.face

    def _steadied(self, face: Face, seconds: float, config: TrackConfig) -> Face:
        elapsed = seconds - self.seconds
        jumped = _distance(face.landmarks, self.landmarks) > config.jump
        if SHORTEST <= elapsed <= LONGEST:
            way = (face.landmarks - self.landmarks)[:, :2].mean(0)
            share = np.float32(1 - exp(-elapsed / _STEADY_S))
            self._speed += share * (way / np.float32(elapsed) - self._speed)
        else:
            self._speed[:] = 0
        self.landmarks, self.seconds = face.landmarks, seconds
        if not config.smooth:
            return replace(face, track_id=self._id)
        if jumped or not SHORTEST <= elapsed <= LONGEST:
            self._filter.reset()
            elapsed = 1.0  # not used by a fresh filter
        steady = self._filter(face.landmarks, elapsed)
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
