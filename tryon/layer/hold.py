"""Keeping makeup on for a moment where the face was lost, so that it fades and does not pop.

It believes the picture: where the face no longer looks as it did, as after a cut or behind a hand,
nothing is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tryon.errors import ConfigError
from tryon.layer.ahead import Draft
from tryon.types import Face, Float32, UInt8

_CHANGED = 40.0  # levels, mean of the channels, from which a point shows something else
_TOO_MANY = 0.4  # share of points that show something else at which nothing is left


@dataclass(frozen=True, slots=True)
class HoldConfig:
    """Settings of the hold."""

    seconds: float = 0.25  # over which the makeup of a lost face fades out; 0 drops it at once

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= 10:
            raise ConfigError(f"HoldConfig.seconds is {self.seconds}; use 0 to 10")


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    draft: Draft
    glance: Float32  # (478, 3) colours at its landmarks
    seconds: float


class LayerHold:
    """What each face wore when it was last seen."""

    def __init__(self, config: HoldConfig | None = None) -> None:
        self._config = config or HoldConfig()
        self._seen: dict[int, _Seen] = {}

    def reset(self) -> None:
        """Forget all faces."""
        self._seen = {}

    def update(
        self, image: UInt8, drafts: Sequence[Draft], lost: Iterable[Face], seconds: float
    ) -> list[Draft]:
        """Add what lost faces still wear.

        Args:
            image: (H, W, 3) the frame, before any makeup.
            drafts: of the faces that are seen.
            lost: faces that are not, where they should be by now.
            seconds: time of the frame.

        Returns:
            The drafts, and those of lost faces, ever fainter.
        """
        limit = self._config.seconds
        self._seen = {
            name: seen for name, seen in self._seen.items() if 0 <= seconds - seen.seconds < limit
        }
        held = []
        for face in lost:
            seen = self._seen.get(face.track_id)
            if seen is None:
                continue
            changed = looks_changed(image, face.landmarks, seen.glance)
            alike = max(0.0, 1 - changed / _TOO_MANY)
            # What another face or a hand has hidden does not come back by itself.
            self._seen[face.track_id] = replace(
                seen, draft=replace(seen.draft, share=seen.draft.share * alike)
            )
            t = (seconds - seen.seconds) / limit
            share = seen.draft.share * alike * (1 - t * t * (3 - 2 * t))
            if share > 0:
                held.append(replace(seen.draft, face=face, share=share))
        if limit:
            for draft in drafts:
                colours = glance(image, draft.face.landmarks)
                self._seen[draft.face.track_id] = _Seen(draft, colours, seconds)
        return [*held, *drafts]


def looks_changed(image: UInt8, landmarks: Float32, before: Float32) -> float:
    """Share of the landmarks where the picture shows something else than `before`, a glance."""
    return float((np.abs(glance(image, landmarks) - before).mean(1) > _CHANGED).mean())


def glance(image: UInt8, landmarks: Float32) -> Float32:
    """Colours of the picture at the landmarks, (478, 3); at its border where they leave it."""
    height, width = image.shape[:2]
    x, y = np.clip(landmarks[:, :2], 0, (width - 1, height - 1)).astype(np.intp).T
    colours: Float32 = image[y, x].astype(np.float32)
    return colours
