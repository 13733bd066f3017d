"""Makes faces with things in front, and tells where: what the occlusion network is taught.

`python -m tryon.train.covering FOLDER --data CACHE --hand left.glb -o covered.safetensors` puts
hands and things over portraits, shows them as cameras do, large and sharp or small and soft, and
unwraps them by the landmarks that the parser finds in that picture. Makeup, beards, shadows and
spots of light are the face's own; what portraits wear by themselves is left undecided.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tryon.console import run_main
from tryon.cosmetics.brushes import brush_fields
from tryon.errors import ConfigError
from tryon.face.occlusion import INPUT, OUTPUT
from tryon.face.parse_fast import FastParser
from tryon.face.unwrap import unwrap_face
from tryon.train.camera import as_filmed, lamps, square
from tryon.train.covered import KINDS, Covered
from tryon.train.faces import FaceCache
from tryon.train.hands import draw_hand, turned_hand
from tryon.train.portraits import Portrait, Portraits
from tryon.train.rig import ARM_POINTS, HandRig
from tryon.train.things import Scene, draw_thing
from tryon.types import Face, Float32, UInt8

SMALLEST = 44  # px, a face at least
SHARES = (0.3, 0.42, 0.23, 0.05)
PAINTED = 0.5  # share of faces that wear makeup: not even black lips are in front of a face
STYLES = 2  # a face
LOST = 0.8  # share of a face that is hidden from which it is no face to a parser


class CoveredFaces:
    """Makes covered faces from the portraits of a face cache."""

    def __init__(self, folder: Path, cache: FaceCache, rig: HandRig, seed: int) -> None:
        self._rig = rig
        self._rng = np.random.default_rng(seed)
        self._parser = FastParser()
        self._portraits = Portraits(folder, cache.names, self._parser, seed)
        self._known = _known(cache)
        self._inside = float(brush_fields(OUTPUT).inside.mean())

    def __call__(self, who: int, kind: str | None = None) -> tuple[Tensor, ...] | None:
        """One covered face: the tensors of `Covered` but its split, without their first axis.

        None where no face is found in the portrait.

        Args:
            who: position in the cache.
            kind: one of KINDS; None draws it.
        """
        rng = self._rng
        kind = kind or str(rng.choice(KINDS, p=SHARES))
        made_up = bool(rng.random() < PAINTED)
        style = int(rng.integers(STYLES)) if made_up else None
        portrait = self._portraits(who, style)
        if portrait is None:
            return None
        while True:
            image, mask, face = self._filmed(portrait, kind)
            under = unwrap_face(mask, face, INPUT).colour[..., :1]
            if under.mean() < LOST * self._inside:
                break
        known = self._known[who]
        flip = bool(rng.random() < 0.5)
        texture = unwrap_face(image, face, INPUT)
        both = torch.from_numpy(np.dstack([texture.colour, texture.visibility, under]))
        both = F.avg_pool2d(both.permute(2, 0, 1)[None], INPUT // OUTPUT)[0]
        both = torch.cat([(255 * both).round().to(torch.uint8), known])
        both = both.flip(-1) if flip else both
        flags = (torch.tensor(v, dtype=torch.uint8) for v in (KINDS.index(kind), made_up))
        return (*torch.split(both, [4, 1, 1]), *flags)

    def _filmed(self, portrait: Portrait, kind: str) -> tuple[UInt8, UInt8, Face]:
        """A picture, three times its mask, and the face as it is read there."""
        import cv2

        rng = self._rng
        full = portrait.face.width
        wide = SMALLEST * (full / SMALLEST) ** rng.random() if full > SMALLEST else full
        work = min(full, max(wide, 100.0))  # what is drawn is drawn larger, then seen smaller
        shape = tuple(round(side * work / full) for side in portrait.image.shape[:2])
        image = cv2.resize(portrait.image, shape[::-1], interpolation=cv2.INTER_AREA)
        landmarks = portrait.face.landmarks[:468, :2] * (work / full)
        linear = lamps(square(image), landmarks, rng)
        scene = Scene(landmarks.astype(np.float32), image.shape[:2], rng)
        if kind in ("thing", "both"):
            draw_thing(scene)
        if kind in ("hand", "both"):
            for _ in range(1 + int(rng.random() < 0.2)):
                self._hand(scene, linear)
        if kind == "none" and rng.random() < 0.35:  # its shadow alone
            self._hand(scene, linear) if rng.random() < 0.7 else draw_thing(scene)
            linear *= _shadow(scene, 0.35, 0.8)
            scene.cover[:] = 0
        elif kind != "none":
            linear *= _shadow(scene, -0.3, 0.6)
        soft = rng.uniform(0, 0.12) * scene.cm
        cover = cv2.GaussianBlur(scene.cover, (0, 0), soft) if soft > 0.3 else scene.cover
        seen = linear + cover[..., None] * (scene.colour - linear)
        seen, cover = as_filmed(seen, cover, wide / work, rng)
        mask = np.repeat(np.round(255 * cover).astype(np.uint8)[..., None], 3, 2)
        return seen, mask, self._read_again(seen, portrait.face, wide / full)

    def _hand(self, scene: Scene, linear: Float32) -> None:
        rng = self._rng
        hand = self._rig.pose(rng)
        aside = scene.draw(-0.5, np.pi + 0.5) if rng.random() < 0.7 else scene.draw(-np.pi, np.pi)
        points, tips = turned_hand(hand, aside, rng)
        anchor = tips[rng.integers(5)]
        if rng.random() < 0.4:
            anchor = points[rng.integers(len(points) - ARM_POINTS)]
        scale = scene.cm * float(np.exp(rng.uniform(-0.15, 0.4)))
        skin = _skin(scene.landmarks, linear) * np.exp(rng.normal(0.1, 0.45))
        skin = np.clip(skin * np.exp(rng.normal((0.04, 0, -0.02), 0.07)), 0.005, 3.0)
        at = scene.target()
        if rng.random() < 0.4:  # its contour just beyond: what is enclosed is free
            outwards = np.array([np.cos(aside), np.sin(aside)], np.float32)
            at = at + np.float32(scene.draw(0.3, 1.5) * scene.cm) * outwards
        scene.put(draw_hand(hand, points, anchor, at, scale, scene.size, skin, rng))

    def _read_again(self, image: UInt8, face: Face, scale: float) -> Face:
        """The face as the parser reads it; as it was, where nothing is found near it."""
        expected = Face(face.landmarks * np.float32(scale), face.pose, 1.0)
        middle = expected.landmarks[:468].mean(0)
        for found in self._parser.detect(image):
            apart = np.abs(found.landmarks[:468].mean(0) - middle)[:2].max()
            if apart < 0.35 * expected.width and found.width < 1.6 * expected.width:
                return found
        return expected


def make(
    faces: CoveredFaces, cache: FaceCache, counts: dict[str, int], without: Collection[str] = ()
) -> Covered:
    """As many covered faces of each split as asked for, in turn over its people.

    Args:
        faces: makes them.
        cache: whose people they are.
        counts: of train, val and test.
        without: names of portraits that show something in front already.
    """
    from tqdm import tqdm

    parts = []
    numbers: list[int] = []

    def people() -> Iterator[tuple[int, int]]:
        for number, (split, count) in enumerate(counts.items()):
            who = [i for i in cache.indices(split).tolist() if cache.names[i] not in without]
            if count and not who:
                raise ConfigError(f"nobody is left in {split}; leave out fewer portraits")
            yield from ((number, who[index % len(who)]) for index in range(count))

    for number, who in tqdm(list(people()), mininterval=10):
        one = faces(who)
        if one is not None:
            parts.append(one)
            numbers.append(number)
    texture, hidden, known, kind, painted = (torch.stack(c) for c in zip(*parts, strict=True))
    split = torch.tensor(numbers, dtype=torch.uint8)
    return Covered(texture, hidden, known, kind, painted, split)


def _skin(landmarks: Float32, linear: Float32) -> Float32:
    """(3,) linear light of the cheeks, nose and forehead."""
    places = landmarks[[50, 280, 101, 330, 4, 151, 205, 425, 195]].round().astype(int)
    high = np.array(linear.shape[1::-1]) - 1
    x, y = np.clip(places, 0, high).T
    return np.asarray(np.median(linear[y, x], 0), np.float32)


def _shadow(scene: Scene, low: float, high: float) -> Float32:
    """(H, W, 1) share of the light that what is in front lets through to the face."""
    import cv2

    depth = max(0.0, scene.draw(low, high))
    move = np.array([[1, 0, scene.draw(-1.5, 1.5)], [0, 1, scene.draw(-1, 2)]], np.float32)
    move[:, 2] *= scene.cm
    moved = cv2.warpAffine(scene.cover, move, scene.size[::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.3, scene.draw(0.05, 0.8) * scene.cm))
    return np.asarray(1 - depth * soft[..., None], np.float32)


def _known(cache: FaceCache) -> Tensor:
    """(N, 1, S, S) uint8: where a portrait shows its owner and nothing else for certain.

    What it shows where the upper face is no skin, hair or glasses, nobody has said; lower down it
    is a beard, which is the face's own.
    """
    fields = brush_fields(OUTPUT)
    upper = (fields.position[:, 1:2] > 0).float()
    brow = (fields.brows > 0.1).float()
    skin = F.avg_pool2d(cache.skin.float() / 255, cache.size // OUTPUT)
    sure = torch.maximum(((skin - 0.1) / 0.3).clamp(0, 1), 1 - upper * (1 - brow))
    return (255 * sure * fields.inside).round().to(torch.uint8)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.covering", description=__doc__)
    parser.add_argument("folder", type=Path, help="the portraits that the cache was made of")
    parser.add_argument("--data", type=Path, required=True, help="face cache")
    parser.add_argument("--hand", type=Path, required=True, help="rigged hand (.glb)")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16000, help="faces to train on")
    parser.add_argument("--judged", type=int, default=600, help="faces of val, and of test")
    parser.add_argument("--without", nargs="*", default=[], help="portraits to leave out")
    parser.add_argument("--seed", type=int, default=0)
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    cache = FaceCache.load(parsed.data)
    faces = CoveredFaces(parsed.folder, cache, HandRig(parsed.hand), parsed.seed)
    counts = {"train": parsed.count, "val": parsed.judged, "test": parsed.judged}
    make(faces, cache, counts, parsed.without).save(parsed.out)


if __name__ == "__main__":
    sys.exit(main())
