"""A rigged hand: read from a glTF file, bent at its joints, with a forearm on it.

Any hand with the 25 joints of WebXR will do; that of `@webxr-input-profiles/assets` (MIT) was used.
Units are centimetres.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tryon.errors import ConfigError
from tryon.types import Float32

Double = NDArray[np.float64]
FINGERS = ("index-finger", "middle-finger", "ring-finger", "pinky-finger")
JOINTS = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
THUMB = tuple(f"thumb-{joint}" for joint in JOINTS if joint != "phalanx-intermediate")
CHAINS = (THUMB, *(tuple(f"{finger}-{joint}" for joint in JOINTS) for finger in FINGERS))

POSES: dict[str, tuple[tuple[float, float], ...]] = {  # deg of bending: thumb, then each finger
    "open": ((0, 15),) + ((-5, 20),) * 4,
    "relaxed": ((5, 30), (10, 35), (15, 45), (20, 50), (20, 55)),
    "fist": ((15, 50),) + ((75, 98),) * 4,
    "thumb out": ((-15, 10),) + ((70, 98),) * 4,
    "pointing": ((15, 50), (-5, 20)) + ((60, 95),) * 3,
    "two": ((15, 50), (-5, 20), (-5, 20)) + ((60, 95),) * 2,
    "pinch": ((20, 45), (35, 65)) + ((20, 70),) * 3,
    "cupped": ((0, 30),) + ((25, 45),) * 4,
    "any": ((-15, 50),) + ((-5, 95),) * 4,
}
ARM = 26.0  # cm of forearm
RINGS, SPOKES = 9, 20
ARM_POINTS = (RINGS + 2) * SPOKES  # the last of a hand's


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One posed hand as a mesh; the palm's frame: z from the fingers to the wrist, y the back."""

    points: Float32  # (V, 3) cm
    triangles: NDArray[np.int32]  # (T, 3)
    matter: Float32  # (V, 3): redness, nail, sleeve; 0..1
    tips: Float32  # (5, 3) cm, fingertips from the thumb on
    arm: Float32  # (3,) unit vector from the wrist along the forearm


class HandRig:
    """The hand of a glTF file (.glb) in its rest pose."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            ConfigError: it is not there, or no rigged hand.
        """
        try:
            data = path.read_bytes()
            length = struct.unpack_from("<I", data, 12)[0]
            scene, body = json.loads(data[20 : 20 + length]), data[28 + length :]
            skin, mesh = scene["skins"][0], scene["meshes"][0]["primitives"][0]
            names = [scene["nodes"][joint]["name"] for joint in skin["joints"]]
            attributes = mesh["attributes"]
            self._points = 100 * _accessor(scene, body, attributes["POSITION"])
            self._joints = _accessor(scene, body, attributes["JOINTS_0"]).astype(int)
            self._weights = _accessor(scene, body, attributes["WEIGHTS_0"])
            self._triangles = _accessor(scene, body, mesh["indices"]).astype(np.int32)
            inverse = _accessor(scene, body, skin["inverseBindMatrices"]).astype(np.float64)
            self._index = {name: names.index(name) for name in ("wrist", *sum(CHAINS, ()))}
        except (OSError, KeyError, IndexError, ValueError, struct.error) as error:
            raise ConfigError(
                f"{path}: no rigged hand ({error!r}); unpack left.glb of the npm package "
                "@webxr-input-profiles/assets"
            ) from error
        self._triangles = self._triangles.reshape(-1, 3)
        rest: Double = np.linalg.inv(inverse.reshape(-1, 4, 4).transpose(0, 2, 1)).astype(float)
        rest[:, :3, 3] *= 100
        self._rest = rest
        self._matter = self._read_matter()

    def pose(self, rng: np.random.Generator) -> Hand:
        """Bend it at random: an open hand, a fist, a pointing finger, ..."""
        kind = POSES[list(POSES)[rng.integers(len(POSES))]]
        moved = self._rest.copy()
        fan, together = rng.uniform(-3, 9), rng.uniform(0, 1)
        for number, (chain, (low, high)) in enumerate(zip(CHAINS, kind, strict=True)):
            bend = rng.uniform(low, high)
            above = np.eye(4)
            for place, name in enumerate(chain):
                at = self._index[name]
                rest = above @ self._rest[at]
                x = y = 0.0
                if number == 0:
                    x = (0.4, 1.0, 1.1, 0.0)[place] * bend + rng.normal(0, 4)
                    y = rng.uniform(-20, 25) if place == 0 else 0.0
                elif place in (1, 2, 3):
                    x = (1.0, 1.05, 0.7)[place - 1] * bend + rng.normal(0, 6)
                    y = (number - 2.5) * fan * together if place == 1 else 0.0
                turn = _turn(0, -x) @ _turn(1, -y)
                moved[at] = rest @ turn
                above = moved[at] @ np.linalg.inv(self._rest[at])
        return self._skinned(moved, rng)

    def _skinned(self, moved: Double, rng: np.random.Generator) -> Hand:
        carry = moved @ np.linalg.inv(self._rest)
        flat = np.einsum("vk,vkij->vij", self._weights, carry[self._joints])
        points = np.einsum("vij,vj->vi", flat[:, :3, :3], self._points) + flat[:, :3, 3]
        tips = moved[[self._index[chain[-1]] for chain in CHAINS], :3, 3]
        wrist = self._rest[self._index["wrist"]]
        frame = wrist[:3, :3] @ _turn(0, rng.uniform(-50, 50))[:3, :3]
        frame = frame @ _turn(1, rng.uniform(-20, 20))[:3, :3]
        ring, tube, sleeve = _forearm(rng)
        arm = ring @ frame.T + wrist[:3, 3]
        both = np.concatenate([points, arm])
        matter = np.zeros((len(arm), 3), np.float32)
        matter[:, 2] = sleeve
        turned = np.linalg.inv(wrist[:3, :3])
        return Hand(
            points=((both - wrist[:3, 3]) @ turned.T).astype(np.float32),
            triangles=np.concatenate([self._triangles, tube + len(points)]).astype(np.int32),
            matter=np.concatenate([self._matter, matter]),
            tips=((tips - wrist[:3, 3]) @ turned.T).astype(np.float32),
            arm=(turned @ frame[:, 2]).astype(np.float32),
        )

    def _read_matter(self) -> Float32:
        """(V, 3) redness of knuckles and tips, nails; no sleeve."""
        matter = np.zeros((len(self._points), 3), np.float32)
        for number, chain in enumerate(CHAINS):
            for name in chain[1:]:
                gap = np.linalg.norm(self._points - self._rest[self._index[name]][:3, 3], axis=1)
                matter[:, 0] = np.maximum(matter[:, 0], np.exp(-((gap / 0.9) ** 2)))
            tip = self._rest[self._index[chain[-1]]]
            local = (self._points - tip[:3, 3]) @ tip[:3, :3]
            wide = 0.75 if number == 0 else 0.6
            reach = (local[:, 0] / wide) ** 2 + ((local[:, 2] - 0.15) / (1.2 * wide)) ** 2
            matter[:, 1] = np.maximum(matter[:, 1], (reach < 1) & (local[:, 1] > 0.15))
        return matter


def _forearm(rng: np.random.Generator) -> tuple[Float32, NDArray[np.int32], Float32]:
    """A tube from the wrist along z: (N, 3) cm, its triangles, and where it is a sleeve."""
    z = np.linspace(-1.0, ARM, RINGS)
    start = rng.uniform(1, 14) if rng.random() < 0.6 else ARM + 1
    z = np.sort(np.concatenate([z, [start - 0.05, start]]))
    covered = z >= start
    wide = (1 + covered * rng.uniform(0.08, 0.6)) * rng.uniform(0.9, 1.1)
    angle = np.linspace(0, 2 * np.pi, SPOKES, endpoint=False)
    across = (2.75 + 1.6 * np.clip(z / ARM, 0, 1)) * wide
    deep = (1.95 + 2.0 * np.clip(z / ARM, 0, 1)) * wide
    ring = np.stack(
        [
            across[:, None] * np.cos(angle),
            deep[:, None] * np.sin(angle),
            np.broadcast_to(z[:, None], (len(z), SPOKES)),
        ],
        -1,
    )
    first = np.arange(len(z) - 1)[:, None] * SPOKES + np.arange(SPOKES)
    after = np.arange(len(z) - 1)[:, None] * SPOKES + (np.arange(SPOKES) + 1) % SPOKES
    pairs = [(first, after, first + SPOKES), (after, after + SPOKES, first + SPOKES)]
    tube = np.concatenate([np.stack(three, -1).reshape(-1, 3) for three in pairs])
    return (
        ring.reshape(-1, 3).astype(np.float32),
        tube.astype(np.int32),
        np.repeat(covered, SPOKES).astype(np.float32),
    )


def _turn(axis: int, degrees: float) -> Double:
    """(4, 4) rotation about a joint's own axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    a, b = ((1, 2), (2, 0), (0, 1))[axis]
    turn[a, a] = turn[b, b] = c
    turn[a, b], turn[b, a] = -s, s
    return turn


def _accessor(scene: dict[str, list[dict[str, int]]], body: bytes, number: int) -> Float32:
    """One table of a glTF file as (count, parts)."""
    accessor = scene["accessors"][number]
    view = scene["bufferViews"][accessor["bufferView"]]
    kind = {5126: np.float32, 5121: np.uint8, 5123: np.uint16}[accessor["componentType"]]
    parts = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[str(accessor["type"])]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    flat = np.frombuffer(body, kind, accessor["count"] * parts, start)
    return flat.reshape(-1, parts).astype(np.float32)
