"""Faces and their outfits -> what each of them is to wear, going by one frame alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tryon.engines.base import Engine, PreparedLook, stack_texture
from tryon.face.unwrap import unwrap_face
from tryon.layer.ahead import Draft
from tryon.layer.gate import FadeConfig, fade
from tryon.layer.refresh import LayerRefresh
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
    refresh: LayerRefresh | None = None,
) -> tuple[Draft, ...]:
    """Predict the layers of the faces that wear something; those of one look run as a batch.

    Args:
        engine: runs the student.
        frame: the picture the faces are in.
        faces: with their track ids.
        wearing: who wears what.
        config: which faces are read well enough.
        clock: gets the laps `unwrap` and `student`.
        refresh: chooses faces that go on with the layer they have; None makes every one anew.

    Returns:
        A draft for each face that wears something, in the order of track ids; a face whose
        prediction is broken has none.
    """
    fitted = [(face, fade(face, config), wearing.of(face.track_id)) for face in faces]
    fitted = [each for each in fitted if each[1] > 0 and each[2].visible]
    waiting: dict[int | None, Draft] = {}
    if refresh is not None:
        waiting = refresh.waiting(frame.image, [(face, o.digest) for face, _, o in fitted])
    drafts = [
        replace(waiting[face.track_id], face=face, share=share, intensities=outfit.intensities)
        for face, share, outfit in fitted
        if face.track_id in waiting
    ]
    worn: dict[PreparedLook, list[tuple[Face, float, Outfit]]] = {}
    for each in fitted:
        prepared = each[2].prepared
        if prepared is not None and each[0].track_id not in waiting:
            worn.setdefault(prepared, []).append(each)
    made = _made(engine, frame, worn, clock) if worn else []
    if refresh is not None:
        refresh.made(frame.image, made)
    return tuple(sorted([*drafts, *made], key=lambda draft: draft.face.track_id or 0))


def _made(
    engine: Engine,
    frame: Frame,
    worn: dict[PreparedLook, list[tuple[Face, float, Outfit]]],
    clock: Stopwatch,
) -> list[Draft]:
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
    return drafts
