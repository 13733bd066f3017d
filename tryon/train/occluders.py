"""Things in front of a face, drawn in the atlas at true size: what is worn never lies on them.

Sizes are centimetres on the canonical head. These teach; `evaluation/occluders.py` draws others,
in photographs, to measure what was learned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tryon.cosmetics.brushes import BrushFields, brush_fields
from tryon.train.disturb import uniform


def cover(
    picture: Tensor, share: float, rng: torch.Generator, *, hands: bool = False
) -> tuple[Tensor, Tensor]:
    """Put something in front of some faces.

    Args:
        picture: (B, 4, A, A) sRGB and visibility.
        share: how many of them, 0..1.
        rng: random numbers.
        hands: among the things. On a source they teach to leave bare what has the colour of skin,
            and with it the pale lips of a poor camera: there `tryon.face.occlusion` finds them.

    Returns:
        The pictures, and how much of each texel is covered (B, 1, A, A), 0..1.
    """
    fields = brush_fields(picture.shape[-1], str(picture.device))
    kinds = (*_THINGS, *_HANDS) if hands else _THINGS
    chosen = (uniform((len(picture),), rng) < share).tolist()
    hidden = torch.zeros_like(picture[:, :1])
    covered = picture.clone()
    for index in [i for i, one in enumerate(chosen) if one]:
        scene = _Scene(fields, picture[index, :3], picture[index - 1, :3], rng)
        kind = kinds[int(uniform((1,), rng) * len(kinds))]
        kind(scene)
        hidden[index] = scene.alpha * fields.inside[0]
        covered[index, :3] = torch.lerp(covered[index, :3], scene.colour, hidden[index])
    return covered, hidden


@dataclass(eq=False)
class _Scene:
    """One face being covered."""

    fields: BrushFields
    own: Tensor  # (3, A, A) the face
    other: Tensor  # (3, A, A) somebody else's
    rng: torch.Generator

    def __post_init__(self) -> None:
        place = self.fields.position[0, :2]
        self.place = torch.stack([place[0] * self.fields.side[0, 0], place[1]])
        self.alpha = torch.zeros_like(self.own[:1])
        self.colour = torch.zeros_like(self.own)
        self.soft = 0.04 + 0.2 * self.draw() ** 2  # cm: the thing may be out of focus

    def draw(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * float(uniform((1,), self.rng))

    def target(self, mouth: float = 0.6, eye: float = 0.2) -> Tensor:
        """(2,) where it is put: at the mouth or an eye with these chances, else anywhere."""
        chance = self.draw()
        mask = self.fields.lips if chance < mouth else self.fields.inside
        if mouth <= chance < mouth + eye:
            mask = self.fields.sclera * (self.fields.side * (self.draw() - 0.5) > 0)
        weight = mask[0, 0].flatten().clamp_min(0) + 1e-9
        texel = int(torch.multinomial(weight.cpu(), 1, generator=_host(self.rng)))
        return self.place.flatten(1)[:, texel]

    def skin(self) -> Tensor:
        """(3, 1, 1) a hand's colour: the wearer's own, or somebody else's."""
        face = self.own if self.draw() < 0.7 else self.other
        weight = self.fields.face[0]
        mean = (face * weight).sum((1, 2), True) / weight.sum().clamp_min(1.0)
        return mean * self.draw(0.8, 1.2)

    def plain(self) -> Tensor:
        """(3, 1, 1) any colour, often grey."""
        colour = uniform((3, 1, 1), self.rng)
        return torch.lerp(colour.mean(0, True).expand(3, 1, 1), colour, self.draw() ** 2)

    def put(self, distance: Tensor, colour: Tensor) -> None:
        """Lay a thing over the scene.

        Args:
            distance: (A, A) cm inside its outline.
            colour: (3, A, A) or (3, 1, 1) sRGB.
        """
        part = (distance / self.soft + 0.5).clamp(0, 1)[None]
        self.colour = torch.lerp(self.colour, colour.expand_as(self.colour), part)
        self.alpha = self.alpha + part - self.alpha * part

    def capsule(self, a: Tensor, b: Tensor, radius: float, colour: Tensor, shade: float) -> None:
        """A rod from a to b, darker towards its sides."""
        along = b - a
        offset = self.place - a[:, None, None]
        t = ((offset * along[:, None, None]).sum(0) / (along @ along).clamp_min(1e-6)).clamp(0, 1)
        x, y = offset - t * along[:, None, None]
        distance = torch.sqrt(x * x + y * y)  # a norm over the first axis costs ten times this
        rounded = 1 - shade * (distance / radius).clamp(0, 1) ** 2
        self.put(radius - distance, (colour * rounded).clamp(0, 1))


def _host(rng: torch.Generator) -> torch.Generator | None:
    return rng if rng.device.type == "cpu" else None


def _direction(angle: float) -> Tensor:
    return torch.tensor([math.cos(angle), math.sin(angle)])


def _fingers(scene: _Scene) -> None:
    """One to four fingers from outside the face to a place on it."""
    tip, angle = scene.target(), scene.draw(0, 2 * math.pi)
    along = _direction(angle).to(tip)
    beside = torch.stack([-along[1], along[0]])
    skin, shade, radius = scene.skin(), scene.draw(0.1, 0.6), scene.draw(0.6, 1.1)
    for index in range(1 + int(scene.draw(0, 3.999))):
        end = tip + beside * (2.1 * radius * index) + along * scene.draw(-0.8, 0.8)
        scene.capsule(end, end + 16 * along, radius, skin * scene.draw(0.93, 1.07), shade)


def _cup(scene: _Scene) -> None:
    """A cup, a phone or a hand's palm: wide, from a place on the face downwards or aside."""
    top = scene.target()
    colour = scene.skin() if scene.draw() < 0.25 else scene.plain()
    along = _direction(-math.pi / 2 + scene.draw(-1.2, 1.2)).to(top)
    radius = scene.draw(1.8, 4.5)
    scene.capsule(top + radius * along, top + 16 * along, radius, colour, scene.draw(0, 0.6))


def _microphone(scene: _Scene) -> None:
    """A dark head on a stick."""
    head = scene.target()
    along = _direction(-math.pi / 2 + scene.draw(-1.5, 1.5)).to(head)
    dark = scene.plain() * scene.draw(0.1, 0.5)
    grain = 1 + 0.25 * torch.randn(
        scene.own[:1].shape, generator=scene.rng, device=scene.own.device
    )
    scene.capsule(head, head + 16 * along, scene.draw(0.5, 1.4), dark, scene.draw(0, 0.6))
    scene.capsule(head, head, scene.draw(1.2, 3.0), dark * grain, scene.draw(0.2, 0.8))


def _strands(scene: _Scene) -> None:
    """Hair over the face, mostly over an eye: there it looks like a liner to be lifted."""
    colour = scene.plain() * (0.08 + 0.8 * scene.draw() ** 2)
    start, angle = scene.target(mouth=0.2, eye=0.6), math.pi / 2 + scene.draw(-0.9, 0.9)
    along = _direction(angle).to(start)
    beside = torch.stack([-along[1], along[0]])
    for _ in range(2 + int(scene.draw(0, 8))):
        at = start + beside * scene.draw(-1.5, 1.5) - along * scene.draw(0, 6)
        bend = along + beside * scene.draw(-0.3, 0.3)
        scene.capsule(at, at + 14 * bend, scene.draw(0.04, 0.3), colour * scene.draw(0.8, 1.2), 0.4)


def _glasses(scene: _Scene) -> None:
    """Frames, and often dark lenses."""
    dark = scene.plain() * scene.draw(0.05, 0.6)
    radius, rim, filled = scene.draw(1.7, 2.9), scene.draw(0.1, 0.45), scene.draw() < 0.6
    for side in (-1, 1):
        mask = scene.fields.sclera[0, 0] * (scene.fields.side[0, 0] == side)
        centre = (scene.place * mask).sum((1, 2)) / mask.sum().clamp_min(1e-6)
        apart = (scene.place - centre[:, None, None]) * torch.tensor(
            [1.0, 1.25], device=centre.device
        ).view(2, 1, 1)
        inside = radius - apart.square().sum(0).sqrt()
        scene.put(inside if filled else torch.minimum(inside, rim - inside), dark)


_THINGS: tuple[Callable[[_Scene], None], ...] = (_cup, _microphone, _strands, _strands, _glasses)
_HANDS = (_fingers, _fingers)
