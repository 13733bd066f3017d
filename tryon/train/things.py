"""Things held or worn in front of a face, drawn over a photograph at true size.

Cups, microphones, straws, phones, cloth, hair and glasses; hands come from `hands`. These teach:
`evaluation/occluders.py` draws others, to measure what was learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tryon.train.hands import Sprite
from tryon.types import Float32

Float = NDArray[np.floating[Any]]
LIPS = (13, 14, 0, 17, 61, 291, 37, 267, 84, 314)
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))


@dataclass(eq=False)
class Scene:
    """What is in front of one face so far."""

    landmarks: Float32  # (468, 2) px
    size: tuple[int, int]  # height and width, px
    rng: np.random.Generator
    cover: Float32 = field(init=False)  # (H, W), 0..1
    colour: Float32 = field(init=False)  # (H, W, 3) linear light

    def __post_init__(self) -> None:
        self.cover = np.zeros(self.size, np.float32)
        self.colour = np.zeros((*self.size, 3), np.float32)
        self.low, self.high = self.landmarks.min(0), self.landmarks.max(0)
        self.cm = float(self.high[0] - self.low[0]) / 14.5  # px
        y, x = np.mgrid[: self.size[0], : self.size[1]].astype(np.float32) + 0.5
        self.x, self.y = x, y

    def draw(self, low: float = 0.0, high: float = 1.0) -> float:
        """A random number."""
        return float(self.rng.uniform(low, high))

    def put(self, sprite: Sprite) -> None:
        """Lay something over what is there."""
        part = sprite.cover[..., None]
        self.colour = self.colour * (1 - part) + sprite.colour * part
        self.cover = self.cover + sprite.cover - self.cover * sprite.cover

    def target(self) -> Float32:
        """(2,) px where a thing ends: at the lips, near them, at the chin or anywhere."""
        chance, wide = self.draw(), self.high - self.low
        mouth = self.landmarks[LIPS[self.rng.integers(len(LIPS))]]
        if chance < 0.3:
            at = mouth
        elif chance < 0.6:
            at = mouth + self.rng.uniform(-0.32, 0.32, 2) * wide
        elif chance < 0.85:
            at = self.low + wide * [self.draw(), self.draw(0.85, 1.1)]
        else:
            at = self.low + wide * self.rng.uniform(0.0, 1.0, 2)
        return np.asarray(at, np.float32)

    def axes(self, at: Float32, angle: float) -> tuple[Float32, Float32]:
        """(H, W) cm from a point along a direction (rad, pi / 2 is down) and across it."""
        x, y = (self.x - at[0]) / self.cm, (self.y - at[1]) / self.cm
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return c * x + s * y, c * y - s * x

    def inside(self, distance: Float, colour: Float, share: float = 1.0) -> None:
        """Put what lies where (H, W) cm inside an outline is above 0."""
        cover = np.clip(distance * self.cm + 0.5, 0, 1) * share
        self.put(Sprite(colour.astype(np.float32), cover.astype(np.float32)))

    def plain(self) -> Float32:
        """(3,) linear light, often grey."""
        colour = self.rng.random(3) ** self.draw(0.7, 2.5)
        return np.asarray(
            colour + (colour.mean() - colour) * self.draw() ** 0.5, np.float32
        ) * self.draw(0.2, 1.1)

    def pattern(self, along: Float32, across: Float32) -> Float32:
        """(H, W, 3) of one colour, striped, or with blotches."""
        base, other, chance = self.plain(), self.plain(), self.draw()
        if chance < 0.5:
            return np.broadcast_to(base, (*self.size, 3))
        if chance < 0.75:
            share = np.sin((along if self.draw() < 0.5 else across) * self.draw(1, 9)) > 0
        else:
            share = self.noise(int(self.draw(4, 40))) > 0.3
        mixed: Float32 = base + share[..., None].astype(np.float32) * (other - base)
        return mixed

    def noise(self, cells: int) -> Float32:
        """(H, W) smooth normal noise."""
        import cv2

        grid = self.rng.normal(size=(cells, cells)).astype(np.float32)
        return np.asarray(cv2.resize(grid, self.size[::-1], interpolation=cv2.INTER_CUBIC))


def draw_thing(scene: Scene) -> None:
    """Put one thing in front of a face."""
    kind = KINDS[int(scene.rng.choice(len(KINDS), p=np.array(OFTEN) / sum(OFTEN)))]
    kind(scene)


def _cup(scene: Scene) -> None:
    """A cup, glass, bottle or can, from the mouth downwards or aside."""
    at = scene.target()
    along, across = scene.axes(at, np.pi / 2 + scene.draw(-0.9, 0.9))
    half = scene.draw(1.2, 4.5) + scene.draw(-0.15, 0.1) * along
    rim = along - scene.draw(-0.2, 0.2) * np.sqrt(np.clip(half**2 - across**2, 0, None))
    long = scene.draw(5, 14)
    distance = np.minimum(np.minimum(half - abs(across), rim), long - along)
    shade = 1 - scene.draw(0, 0.7) * (across / np.maximum(half, 0.1) - scene.draw(-0.7, 0.7)) ** 2
    colour = scene.pattern(along, across) * np.clip(shade, 0.1, 1)[..., None]
    scene.inside(distance, colour, scene.draw(0.75, 1.0) if scene.draw() < 0.2 else 1.0)


def _microphone(scene: Scene) -> None:
    """A dark head on a stick."""
    at, angle = scene.target(), np.pi / 2 + scene.draw(-1.6, 1.6)
    along, across = scene.axes(at, angle)
    dark, head = scene.plain() * scene.draw(0.02, 0.4), scene.draw(1.2, 3.2)
    thick = head * scene.draw(0.3, 0.7)
    round_ = (1 - scene.draw(0, 0.7) * np.clip(across / thick, -1, 1) ** 2)[..., None]
    scene.inside(np.minimum(thick - abs(across), along), dark * round_ * scene.draw(0.5, 2))
    apart = np.hypot(along, across)
    mesh = 1 + scene.draw(0, 0.6) * np.sin(along * 12) * np.sin(across * 12)
    round_ = 1.3 - scene.draw(0.3, 0.9) * np.clip(apart / head, 0, 1) ** 2
    scene.inside(head - apart, dark * (mesh * round_)[..., None])


def _rod(scene: Scene) -> None:
    """A straw, spoon, brush, pen or cigarette."""
    at, angle = scene.target(), scene.draw(-0.6, np.pi + 0.6)
    along, across = scene.axes(at, angle)
    thick = scene.draw(0.15, 0.7)
    shade = 1 - scene.draw(0, 0.7) * np.clip(across / thick, -1, 1) ** 2
    distance = np.minimum(np.minimum(thick - abs(across), along), scene.draw(4, 20) - along)
    if scene.draw() < 0.3:  # a spoon's or brush's end
        end = 1 - np.hypot(along / scene.draw(1, 2.5), across / scene.draw(0.5, 1.6))
        distance = np.maximum(distance, end)
    scene.inside(distance, scene.pattern(along, across) * shade[..., None])


def _sheet(scene: Scene) -> None:
    """A phone, a book or a sheet of paper."""
    at, angle = scene.target(), np.pi / 2 + scene.rng.normal(0, 0.8)
    along, across = scene.axes(at, angle)
    half = scene.draw(2.5, 9)
    shift = scene.draw(-0.8, 0.8) * half
    distance = np.minimum(np.minimum(half - abs(across - shift), along), scene.draw(6, 22) - along)
    slope = 1 + scene.draw(-0.05, 0.05) * across + scene.draw(-0.03, 0.03) * along
    scene.inside(distance, scene.pattern(along, across) * np.clip(slope, 0.2, 2)[..., None])


def _cloth(scene: Scene) -> None:
    """A scarf, a collar, a mask or a towel: all that is below an edge."""
    at = scene.target()
    along, across = scene.axes(at, np.pi / 2 + scene.rng.normal(0, 0.3))
    edge = scene.draw(-0.06, 0.04) * across**2 + scene.draw(0, 0.4) * scene.noise(6)
    folds = 1 + scene.draw(0, 0.5) * scene.noise(int(scene.draw(3, 12)))
    folds = folds + scene.draw(0, 0.2) * np.sin(along * scene.draw(0.5, 3) + scene.draw(0, 6))
    colour = scene.pattern(along, across) * np.clip(folds, 0.1, 2)[..., None]
    scene.inside(along - edge, colour)


def _hair(scene: Scene) -> None:
    """Strands, a lock or a fringe that falls over the face."""
    import cv2

    wide = scene.high - scene.low
    brown = np.array([0.16, 0.09, 0.05]) * scene.rng.uniform(0.6, 1.4, 3)
    colour = brown * 10 ** scene.draw(-0.9, 0.7)
    start = scene.low + wide * [scene.draw(-0.1, 1.1), scene.draw(-0.3, 0.2)]
    end = scene.target() if scene.draw() < 0.4 else start + wide * [scene.draw(-0.4, 0.4), 0.6]
    bend, spread = scene.draw(-0.3, 0.3) * wide[0], scene.draw(0.01, 0.16) * wide[0]
    t = np.linspace(0, 1, 24)[:, None]
    cover = np.zeros(scene.size, np.uint8)
    for _ in range(int(2 ** scene.draw(1, 6.5))):
        a, b = (p + scene.rng.normal(0, spread, 2) * [1, 0.4] for p in (start, end))
        path = a + t * (b - a) + np.sin(np.pi * t) * [bend + scene.rng.normal(0, spread / 2), 0]
        path += np.sin(t * scene.draw(2, 9)) * scene.draw(0, 0.05) * wide[0]
        thick = max(1, round(scene.draw(0.03, 0.25) * scene.cm))
        light = int(scene.draw(120, 255))
        cv2.polylines(cover, [np.round(8 * path).astype(np.int32)], False, light, thick, 16, 3)
    sheen = np.exp(0.5 * scene.noise(40)) * np.clip(0.4 + cover / 255, 0, 1.4)
    lit = (colour * sheen[..., None]).astype(np.float32)
    scene.put(Sprite(lit, np.clip(cover / 200, 0, 1).astype(np.float32)))


def _glasses(scene: Scene) -> None:
    """Frames, with lenses that are clear, tinted, dark or mirror the surroundings."""
    frame = scene.plain() * scene.draw(0.02, 0.9)
    centres = [scene.landmarks[list(eye)].mean(0) for eye in EYES]
    across = centres[1] - centres[0]
    angle = float(np.arctan2(across[1], across[0]))
    wide, flat = scene.draw(2.0, 3.3), scene.draw(0.6, 1.0)
    rim, power = scene.draw(0.08, 0.5), scene.draw(2, 5)
    down, chance = scene.draw(-0.2, 0.7), scene.draw()
    tint = 0.0 if chance < 0.3 else scene.draw(0.8, 1.0) if chance < 0.85 else scene.draw(0.2, 0.8)
    glass = scene.plain() * scene.draw(0.01, 0.25 if scene.draw() < 0.6 else 1.2)
    slope, waves = scene.draw(-0.4, 0.4), scene.draw(0, 0.8) if scene.draw() < 0.4 else 0.0
    noise = np.exp(waves * scene.noise(int(scene.draw(4, 14))))
    for centre in centres:
        t, s = scene.axes(centre + across * 0.0, angle)
        s = s - down
        apart = (abs(t / wide) ** power + abs(s / (wide * flat)) ** power) ** (1 / power)
        distance = (1 - apart) * wide * flat
        light = np.clip(1 + slope * s, 0.1, 3) * noise
        if tint:
            scene.inside(distance, glass * light[..., None], tint)
        edge = np.minimum(distance + rim / 2, rim / 2 - distance)
        if rim > 0.12 or tint == 0:
            scene.inside(edge, np.broadcast_to(frame, (*scene.size, 3)))
    middle = (centres[0] + centres[1]) / 2
    t, s = scene.axes(middle, angle)
    half = float(np.hypot(*across)) / scene.cm / 2
    bridge = np.minimum(rim / 2 - abs(s), max(half - wide, 0.2) - abs(t))
    arms = np.minimum(rim / 2 - abs(s + 0.5), np.minimum(abs(t) - half - wide, 9.0 - abs(t)))
    scene.inside(np.maximum(bridge, arms), np.broadcast_to(frame, (*scene.size, 3)))


def _bite(scene: Scene) -> None:
    """Something to eat, a flower, a soft toy: of any form and colours."""
    at = scene.target()
    along, across = scene.axes(at, scene.draw(0, 2 * np.pi))
    apart = np.hypot(along / scene.draw(0.6, 1.6), across)
    distance = scene.draw(0.8, 3.5) - apart + 0.5 * scene.noise(10)
    light = np.exp(scene.draw(0, 0.5) * scene.noise(int(scene.draw(4, 30))))
    scene.inside(distance, scene.pattern(along, across) * light[..., None])


KINDS: tuple[Callable[[Scene], None], ...] = (
    _cup, _microphone, _rod, _sheet, _cloth, _hair, _glasses, _bite,
)  # fmt: skip
OFTEN = (3.0, 2.0, 2.0, 1.5, 2.0, 3.5, 4.0, 1.0)
