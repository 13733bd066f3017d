"""Pictures of hands: a posed hand seen from anywhere, in any light, as colour and cover.

A small z-buffer draws the mesh; skin is the colour it is given, with grain, red knuckles and nails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tryon.kernels.compiled import F32, I32, INT, jit, readonly
from tryon.train.rig import Hand
from tryon.types import Float32

CAMERA = 45.0  # cm from the camera to the hand


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """Something to lay over a picture."""

    colour: Float32  # (H, W, 3) linear light, 0 or more
    cover: Float32  # (H, W), 0..1


def turned_hand(hand: Hand, out: float, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """See a hand from anywhere.

    Args:
        hand: the mesh.
        out: rad, where on the picture its arm leaves to: 0 is right, pi / 2 down.
        rng: random numbers.

    Returns:
        Points (V, 3) and fingertips (5, 3) in cm: x right, y down, z away from the camera.
    """
    while True:
        rotation = _any_rotation(rng)
        arm = rotation @ hand.arm
        if arm[2] > -0.4:  # an elbow before the camera would hide all
            break
    spin = out - np.arctan2(arm[1], arm[0])
    c, s = np.cos(spin), np.sin(spin)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ rotation
    mirror = np.array([rng.choice([-1.0, 1.0]), 1, 1])
    if mirror[0] < 0:  # the other hand: mirrored, and spun back to where its arm should leave
        angle = np.pi - 2 * out
        c, s = np.cos(-angle), np.sin(-angle)
        rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag(mirror) @ rotation
    return (
        (hand.points @ rotation.T).astype(np.float32),
        (hand.tips @ rotation.T).astype(np.float32),
    )


def draw_hand(
    hand: Hand,
    points: Float32,
    anchor: Float32,
    at: Float32,
    scale: float,
    size: tuple[int, int],
    skin: Float32,
    rng: np.random.Generator,
) -> Sprite:
    """Draw a hand.

    Args:
        hand: the mesh.
        points: (V, 3) cm, its points as the camera sees them.
        anchor: (3,) cm, the point of it that goes to `at`.
        at: (2,) px.
        scale: px for a cm.
        size: height and width of the picture.
        skin: (3,) linear light of skin.
        rng: random numbers.
    """
    near = CAMERA / (CAMERA + points[:, 2:] - anchor[2])
    flat = (points[:, :2] - anchor[:2]) * near * scale + at
    normals = _normals(points, hand.triangles)
    values = np.concatenate([normals, hand.matter], 1).astype(np.float32)
    depth = np.full(size, np.inf, np.float32)
    drawn = np.zeros((*size, values.shape[1]), np.float32)
    placed = np.concatenate([flat, points[:, 2:]], 1).astype(np.float32)
    _rasterise(placed, hand.triangles, values, depth, drawn, len(hand.triangles))
    cover = np.isfinite(depth).astype(np.float32)
    colour = np.zeros((*size, 3), np.float32)
    rows, columns = (np.flatnonzero(cover.any(axis)) for axis in (1, 0))
    if len(rows):
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        colour[part] = _lit(drawn[part], depth[part], cover[part], skin, scale, rng)
    return Sprite(colour, cover)


def _lit(
    drawn: Float32,
    depth: Float32,
    cover: Float32,
    skin: Float32,
    scale: float,
    rng: np.random.Generator,
) -> Float32:
    """(H, W, 3) linear light of what was drawn."""
    import cv2

    normal, matter = drawn[..., :3], drawn[..., 3:]
    normal = normal * -np.sign(normal[..., 2].mean())  # inside out, where the hand is mirrored
    lamp = rng.normal(size=3)
    lamp[2] = -abs(lamp[2]) - 0.3  # on the camera's side
    lamp /= np.linalg.norm(lamp)
    ambient = np.float32(rng.uniform(0.2, 0.8))
    light = ambient + (1 - ambient) * np.float32(1.6) * np.clip(
        normal @ lamp.astype(np.float32), 0, 1
    )
    # Gaps between fingers are dark: what lies behind its surroundings gets less light.
    filled = np.where(cover > 0, depth, depth[cover > 0].max())
    for wide in (0.5, 1.6):
        behind = filled - cv2.blur(filled, (_odd(wide * scale),) * 2)
        light *= 1 - np.float32(rng.uniform(0.2, 0.8)) * np.clip(behind / np.float32(wide), 0, 0.9)
    red = np.float32(rng.uniform(-0.05, 0.3)) * matter[..., :1]
    colour = np.float32(skin) * (1 + red * np.array([0.3, -0.5, -0.4], np.float32))
    if rng.random() < 0.85:
        varnish = rng.random() < 0.25
        nail = rng.random(3) ** 2 if varnish else skin * [1.1, 1.0, 1.05] * rng.uniform(0.9, 1.5)
        share = np.float32(0.95 if varnish else rng.uniform(0.1, 0.8)) * matter[..., 1:2]
        colour = colour + share * (np.asarray(nail, np.float32) - colour)
    sleeve = (matter[..., 2:] > 0.5).astype(np.float32)
    cloth = rng.random(3) ** 2 * rng.uniform(0.1, 1.2)
    colour = colour + sleeve * (cloth.astype(np.float32) - colour)
    coarse = rng.standard_normal((16, 16), np.float32)
    grain = cv2.resize(coarse, cover.shape[::-1], interpolation=cv2.INTER_CUBIC)
    fine = cv2.blur(rng.standard_normal(cover.shape, np.float32), (3, 3))
    grain = np.float32(rng.uniform(0, 0.1)) * grain + np.float32(rng.uniform(0, 0.25)) * fine
    lit: Float32 = colour * (light * np.exp(grain))[..., None]
    if rng.random() < 0.3:  # moist or oily skin shines
        half = lamp - np.array([0, 0, 1])
        shine = np.clip(normal @ (half / np.linalg.norm(half)).astype(np.float32), 0, 1)
        power = np.float32(rng.uniform(8, 40))
        lit += (np.float32(rng.uniform(0.05, 0.4)) * shine**power)[..., None]
    return lit


def _odd(width: float) -> int:
    return 2 * max(1, round(width / 2)) + 1


def _any_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3), uniform over all rotations."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] = -q[:, 0]
    return np.asarray(q)


def _normals(points: Float32, triangles: NDArray[np.int32]) -> Float32:
    """(V, 3) unit normals."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    normal = np.zeros_like(points)
    for k in range(3):
        np.add.at(normal, triangles[:, k], face)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return normal


@jit(  # type: ignore[untyped-decorator]
    *(readonly(F32, 2), readonly(I32, 2), readonly(F32, 2)),
    *(F32[:, ::1], F32[:, :, ::1], INT),
)
def _rasterise(
    points: Any, triangles: Any, values: Any, nearest: Any, drawn: Any, count: int
) -> None:
    """Draw triangles of points (x, y px, depth): the nearest depth, and the values there."""
    height, width, parts = drawn.shape
    for t in range(count):
        i, j, k = triangles[t]
        ax, ay, az = points[i]
        bx, by, bz = points[j]
        cx, cy, cz = points[k]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        x0 = max(0, int(np.floor(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.ceil(max(ax, bx, cx) - 0.5)))
        y0 = max(0, int(np.floor(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.ceil(max(ay, by, cy) - 0.5)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                v = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
                w = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
                u = 1 - v - w
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * az + v * bz + w * cz
                if z < nearest[y, x]:
                    nearest[y, x] = z
                    for n in range(parts):
                        drawn[y, x, n] = u * values[i, n] + v * values[j, n] + w * values[k, n]
