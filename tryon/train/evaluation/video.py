"""Films through the live session: flicker against the untouched film, blinks, and what is left.

Frames go in with their own time stamps and in order, as from a camera that drops none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from tryon.layer.refresh import RefreshConfig
from tryon.look.look import Look
from tryon.session import SessionConfig, TryOnSession
from tryon.streaming.demo_clip import DemoClip
from tryon.streaming.media import VideoReader
from tryon.train.evaluation import measures
from tryon.train.evaluation.blink import blink
from tryon.train.evaluation.flicker import Change, FlickerMeter, flicker_floor
from tryon.train.evaluation.masks import eye_pixels, mesh_pixels
from tryon.train.evaluation.sheets import face_cell
from tryon.types import Frame, UInt8

CLOSING = (0.0, 0.3, 0.7, 1.0, 1.0, 0.7, 0.3, 0.0)  # how far the lids are down, at 30 Hz
SETTLE = 12  # frames before a blink, and after it until nothing may be left of it
FADE_IN = 10  # frames in which makeup fades in on a new face: change that is wanted
SHOWN = 6  # frames of a clip for the contact sheet
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One film that was worn; differences are levels."""

    name: str
    frames: int
    faces: int  # frames in which a face was found
    flicker: float  # mean change of the worn film over that of the untouched one, without motion
    layer_flicker: float  # change of the makeup alone, of its mean strength
    eye_paint: float  # largest difference well inside the eye openings that were found
    series: tuple[Change, ...]  # frame by frame
    shown: tuple[UInt8, ...]  # some frames' faces, bare and worn side by side


@dataclass(frozen=True, slots=True)
class Still:
    """One face that stays where it is and blinks; levels."""

    eye_paint: float  # mean difference on the eyeball that a blink leaves, worst frame
    ghost: float  # mean difference inside the face from before the blink, once it is over
    floor: float  # flicker if this makeup were part of the skin


@dataclass(frozen=True, slots=True)
class VideoResult:
    """Worst over the clips unless said."""

    clips: int
    frames: int
    flicker: float  # 1: as the untouched film
    flicker_mean: float
    flicker_floor: float  # of makeup that is part of the skin; more contrast flickers more
    layer_flicker: float
    eye_paint: float
    blink_eye_paint: float
    blink_ghost: float
    films: tuple[Clip, ...]


def measure(
    paths: Sequence[Path], look: Look, frames: int, model: Path | None, threads: int
) -> VideoResult:
    """Wear a look on the built-in clip and on others.

    Args:
        paths: video files.
        look: what to wear.
        frames: at most so many of each film.
        model: folder of the student; None is the one that ships.
        threads: CPU threads of the session.
    """
    films = []
    config = SessionConfig(threads=threads, model=model, refresh=RefreshConfig(fps=0))
    with TryOnSession(look, config) as session:
        for name, stream in _films(paths):
            session.reset()
            films.append(wear_clip(name, islice(stream, frames), session))
        session.reset()
        closed = wear_still(session)
    seen = [film for film in films if film.faces]
    return VideoResult(
        clips=len(films),
        frames=sum(film.frames for film in films),
        flicker=measures.largest([film.flicker for film in seen]),
        flicker_mean=measures.mean([film.flicker for film in seen]),
        flicker_floor=closed.floor,
        layer_flicker=measures.largest([film.layer_flicker for film in seen]),
        eye_paint=measures.largest([film.eye_paint for film in seen]),
        blink_eye_paint=closed.eye_paint,
        blink_ghost=closed.ghost,
        films=tuple(films),
    )


def clips_in(folder: Path) -> tuple[Path, ...]:
    """The video files of a folder, sorted."""
    return tuple(p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES)


def _films(paths: Sequence[Path]) -> Iterator[tuple[str, Iterable[Frame]]]:
    yield "built-in demo clip", DemoClip(960, 540).frames()
    for path in paths:
        with VideoReader(path) as reader:
            yield path.name, reader.frames()


def wear_clip(name: str, frames: Iterable[Frame], session: TryOnSession) -> Clip:
    """The figures of one film."""
    meter = FlickerMeter()
    series: list[Change] = []
    strengths, eyes, pictures = [], [], []
    count = found = faded_in = 0
    for frame in frames:
        result = session.process(frame)
        count += 1
        shown = result.faces[0] if result.faces else None
        cells = (face_cell(image, shown) for image in (frame.image, result.image))
        pictures.append(np.concatenate([*cells], 1))
        if not result.faces:
            meter.restart()
            faded_in = 0
            continue
        found += 1
        face = result.faces[0]
        inside = mesh_pixels(frame.image.shape, face)
        faded_in += 1
        strengths.append(measures.change(frame.image, result.image, inside))
        opening = eye_pixels(frame.image.shape, face)
        eyes.append(float(_difference(frame.image, result.image)[opening].max(initial=0)))
        change = meter(frame.image, result.image, inside)
        if change is not None and faded_in > FADE_IN:
            series.append(change)
    bare, worn, layer = (
        measures.mean([getattr(change, part) for change in series])
        for part in ("bare", "worn", "layer")
    )
    strength = measures.mean(strengths)
    return Clip(
        name, count, found,
        flicker=worn / bare if bare > 0 else measures.NOTHING,
        layer_flicker=layer / strength if strength > 0 else measures.NOTHING,
        eye_paint=measures.largest(eyes),
        series=tuple(series),
        shown=tuple(pictures[index * len(pictures) // SHOWN] for index in range(SHOWN))
        if pictures else (),
    )  # fmt: skip


def wear_still(session: TryOnSession) -> Still:
    """Draw a blink on a still of the built-in clip, and see what is painted during and after."""
    still = DemoClip(1080, 1080).frame(0)  # a large face: a lid is many pixels high
    faces = session.process(still).faces
    session.reset()
    if not faces:
        return Still(*[measures.NOTHING] * 3)
    inside = mesh_pixels(still.image.shape, faces[0])
    lids = (*[0.0] * SETTLE, *CLOSING, *[0.0] * SETTLE)
    painted, worn = [], []
    for index, shut in enumerate(lids):
        image, eyeballs = blink(still.image, faces[0], shut)
        frame = replace(still, image=image, index=index, pts=Fraction(index, 30))
        worn.append(session.process(frame).image)
        painted.append(measures.change(image, worn[-1], eyeballs))
    open_eyed = worn[SETTLE - 1]
    return Still(
        eye_paint=measures.largest(painted),
        ghost=measures.change(open_eyed, worn[-1], inside),
        floor=flicker_floor(still.image, open_eyed, inside),
    )


def _difference(a: UInt8, b: UInt8) -> UInt8:
    return np.maximum(a, b) - np.minimum(a, b)
