"""Things in front of a face, drawn where the landmarks say: a picture -> the picture and a mask.

What is drawn hides the face exactly where the mask is 1, so any paint there has leaked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tryon.types import Face, Float32, UInt8

Mask = NDArray[np.bool_]
MIDDLE_LIPS, CHIN, HAIRLINE = 13, 152, 333
EYE_R, EYE_L = (33, 133), (263, 362)  # outer and inner corner
CHEEK_R, CHEEK_L = 205, 425


@dataclass(frozen=True, slots=True, eq=False)
class Occluded:
    """A picture with something in front of the face."""

    image: UInt8  # (H, W, 3) RGB
    mask: Mask  # (H, W), pixels that the thing covers wholly, without its soft edge


@dataclass(eq=False)
class _Canvas:
    """A picture being drawn on, in units of the face's width."""

    image: UInt8
    face: Face

    def __post_init__(self) -> None:
        self.alpha = np.zeros(self.image.shape[:2], np.float32)
        self.colour = np.zeros(self.image.shape, np.float32)
        self.unit = self.face.width

    def at(self, landmark: int) -> Float32:
        return np.asarray(self.face.landmarks[landmark, :2])

    def line(
        self, a: Float32, b: Float32, width: float, colour: Float32, shade: float = 0.0
    ) -> None:
        """A capsule; `shade` darkens it towards its sides as a finger or a tube is."""
        y, x = np.mgrid[: self.image.shape[0], : self.image.shape[1]].astype(np.float32) + 0.5
        ab = b - a
        t = np.clip(((x - a[0]) * ab[0] + (y - a[1]) * ab[1]) / max(float(ab @ ab), 1e-6), 0, 1)
        distance = np.hypot(x - a[0] - t * ab[0], y - a[1] - t * ab[1])
        radius = width * self.unit / 2
        cover = np.clip(radius - distance + 0.5, 0, 1)
        round_ = 1 - shade * np.clip(distance / max(radius, 1e-6), 0, 1) ** 2
        self._put(cover, colour * round_[..., None])

    def _put(self, cover: Float32, colour: Float32) -> None:
        part = cover[..., None]
        self.colour = self.colour * (1 - part) + colour * part
        self.alpha = self.alpha + cover - self.alpha * cover

    def done(self) -> Occluded:
        """The finished picture, with the grain of a photo on what was drawn."""
        grain = np.random.default_rng(0).normal(0, 2.0, self.image.shape)
        drawn = self.colour + grain * self.alpha[..., None]
        shown = self.image * (1 - self.alpha[..., None]) + drawn
        image = np.clip(np.round(shown), 0, 255).astype(np.uint8)
        return Occluded(image, self.alpha > 0.999)


def _rgb(*levels: float) -> Float32:
    return np.array(levels, np.float32)


def cup(image: UInt8, face: Face) -> Occluded:
    """A white cup at the mouth."""
    canvas = _Canvas(image, face)
    mouth, chin = canvas.at(MIDDLE_LIPS), canvas.at(CHIN)
    low = mouth + 1.6 * (chin - mouth)
    canvas.line(mouth + 0.15 * (chin - mouth), low, 0.42, _rgb(232, 230, 226), 0.35)
    return canvas.done()


def microphone(image: UInt8, face: Face) -> Occluded:
    """A dark microphone that covers half of the mouth."""
    canvas = _Canvas(image, face)
    mouth, chin = canvas.at(MIDDLE_LIPS), canvas.at(CHIN)
    side = canvas.at(CHEEK_L) - canvas.at(CHEEK_R)
    head = mouth + 0.1 * side
    canvas.line(head, head + 0.4 * side + 1.5 * (chin - mouth), 0.12, _rgb(40, 40, 44), 0.5)
    canvas.line(head, head, 0.26, _rgb(66, 66, 70), 0.6)
    return canvas.done()


def fingers(image: UInt8, face: Face) -> Occluded:
    """Three fingers of the wearer's own skin across cheek and mouth: the hardest case."""
    canvas = _Canvas(image, face)
    x, y = (int(v) for v in canvas.at(CHEEK_L))
    patch = image[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].reshape(-1, 3)
    skin = np.median(patch, 0).astype(np.float32) if len(patch) else _rgb(190, 150, 130)
    mouth, chin, cheek = (canvas.at(k) for k in (MIDDLE_LIPS, CHIN, CHEEK_R))
    start = cheek + 1.3 * (cheek - mouth) + 0.4 * (chin - mouth)
    down = 0.36 * (chin - mouth) * 0.8
    for index in range(3):
        tip = mouth + (index - 1) * down + 0.06 * (mouth - cheek)
        canvas.line(start + (index - 1) * down, tip, 0.1, skin * 1.04, 0.3)
    return canvas.done()


def strand(image: UInt8, face: Face) -> Occluded:
    """Dark strands of hair from the hairline over an eye to the cheek."""
    canvas = _Canvas(image, face)
    top, eye, cheek = canvas.at(HAIRLINE), canvas.at(EYE_L[0]), canvas.at(CHEEK_L)
    axis = eye - canvas.at(EYE_L[1])
    for shift in (-0.6, -0.35, -0.1, 0.15):
        sideways = axis * shift
        canvas.line(top + sideways, eye + sideways, 0.025, _rgb(38, 28, 22), 0.4)
        canvas.line(eye + sideways, cheek + sideways, 0.025, _rgb(38, 28, 22), 0.4)
    return canvas.done()


def glasses(image: UInt8, face: Face) -> Occluded:
    """Dark sunglasses: nothing of lids and eyes is seen."""
    canvas = _Canvas(image, face)
    for outer, inner in (EYE_R, EYE_L):
        a, b = canvas.at(outer), canvas.at(inner)
        canvas.line(a, b, 0.24, _rgb(24, 24, 26), 0.2)
    canvas.line(canvas.at(EYE_R[1]), canvas.at(EYE_L[1]), 0.04, _rgb(30, 28, 26))
    return canvas.done()


OCCLUDERS: dict[str, Callable[[UInt8, Face], Occluded]] = {
    "cup": cup, "microphone": microphone, "fingers": fingers, "strand": strand,
    "glasses": glasses,
}  # fmt: skip
