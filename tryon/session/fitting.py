"""Faces and their outfits -> what each of them is to wear, going by one frame alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tryon.engines.base import PreparedLook
from tryon.face.unwrap import unwrap_faces
from tryon.layer.ahead import Draft
from tryon.layer.gate import FadeConfig, fade
from tryon.layer.refresh import LayerRefresh
from tryon.session.covers import Covers
from tryon.session.parsing import Parsed
from tryon.session.wardrobe import Outfit, Wearing
from tryon.session.workplace import Workplace
from tryon.types import Face, MakeupLayer


def predict(
    workplace: Workplace,
    parsed: Parsed,
    picture: Any,
    wearing: Wearing,
    config: FadeConfig,
    refresh: LayerRefresh | None = None,
    covers: Covers | None = None,
) -> tuple[Draft, ...]:
    """Predict the layers of the faces that wear something; those of one look run as a batch.

    Args:
        workplace: unwraps, and runs the student.
        parsed: the frame and its faces; its clock gets the laps `unwrap`, `student` and `cover`.
        picture: the frame, of the workplace's kernels.
        wearing: who wears what.
        config: which faces are read well enough.
        refresh: chooses faces that go on with the layer they have; None makes every one anew.
        covers: looks for what is in front of them; None does not.

    Returns:
        A draft for each face that wears something, in the order of track ids; a face whose
        prediction is broken has none.
    """
    image = parsed.frame.image
    fitted = [(face, fade(face, config), wearing.of(face.track_id)) for face in parsed.faces]
    fitted = [each for each in fitted if each[1] > 0 and each[2].visible]
    waiting: dict[int | None, Draft] = {}
    if refresh is not None:
        waiting = refresh.waiting(image, [(face, o.digest) for face, _, o in fitted])
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
    made = _made(workplace, parsed, picture, worn, covers) if worn else []
    if refresh is not None:
        refresh.made(image, made)
    return tuple(sorted([*drafts, *made], key=lambda draft: draft.face.track_id or 0))


def _made(
    workplace: Workplace,
    parsed: Parsed,
    picture: Any,
    worn: dict[PreparedLook, list[tuple[Face, float, Outfit]]],
    covers: Covers | None,
) -> list[Draft]:
    frame, clock = parsed.frame, parsed.clock
    size, kernels = workplace.engine.size, workplace.kernels
    unwrapped = [
        unwrap_faces(picture, [face for face, _, _ in group], size, kernels)
        for group in worn.values()
    ]
    clock.lap("unwrap")
    predicted = [
        workplace.predict(textures, prepared)
        for prepared, textures in zip(worn, unwrapped, strict=True)
    ]
    clock.lap("student")
    drafts = []
    for group, textures, layers in zip(worn.values(), unwrapped, predicted, strict=True):
        for place, (face, share, outfit) in enumerate(group):
            if layers[place] is not None:  # a broken prediction leaves the face as it is
                layer = MakeupLayer(layers[place], frame.index, outfit.digest)
                seen, free = textures[place, ..., 3], None
                if covers is not None:
                    texture = workplace.at_hand(textures[place], frame.image, face)
                    free = covers.free(face.track_id, texture, parsed.seconds)
                drafts.append(Draft(face, layer, seen, share, outfit.intensities, free))
    clock.lap("cover")
    return drafts
