"""Faces and their outfits -> what each of them is to wear, going by one frame alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tryon.engines.base import Engine, PreparedLook, stack_texture
from tryon.face.unwrap import unwrap_face
from tryon.layer.ahead import Draft
from tryon.layer.gate import FadeConfig, fade
from tryon.session.reading import Stopwatch
from tryon.session.wardrobe import Outfit, Wearing
from tryon.types import Face, Frame, MakeupLayer


def predict(
    engine: Engine,
    frame: Frame,
    faces: Sequence[Face],
    wearing: Wearing,
    config: FadeConfig,
    clock: Stopwatch,
) -> tuple[Draft, ...]:
    """Predict the layers of the faces that wear something; those of one look run as a batch.

    Args:
        engine: runs the student.
        frame: the picture the faces are in.
        faces: with their track ids.
        wearing: who wears what.
        config: which faces are read well enough.
        clock: gets the laps `unwrap` and `student`.

    Returns:
        A draft for each face that wears something, in the order of track ids; a face whose
        prediction is broken has none.
    """
    worn: dict[PreparedLook, list[tuple[Face, float, Outfit]]] = {}
    for face in faces:
        outfit, share = wearing.of(face.track_id), fade(face, config)
        if outfit.prepared is not None and outfit.visible and share > 0:
            worn.setdefault(outfit.prepared, []).append((face, share, outfit))
    if not worn:
        return ()
    size = engine.size
    textures = {
        face.track_id: unwrap_face(frame.image, face, size)
        for group in worn.values()
        for face, _, _ in group
    }
    clock.lap("unwrap")
    drafts = []
    for prepared, group in worn.items():
        stacked = [stack_texture(textures[face.track_id], size) for face, _, _ in group]
        affines = engine(np.concatenate(stacked), prepared)
        for (face, share, outfit), affine in zip(group, affines, strict=True):
            if np.isfinite(affine).all():  # a broken prediction leaves the face as it is
                layer = MakeupLayer(affine, frame.index, outfit.digest)
                seen = textures[face.track_id].visibility
                drafts.append(Draft(face, layer, seen, share, outfit.intensities))
    clock.lap("student")
    return tuple(sorted(drafts, key=lambda draft: draft.face.track_id))
