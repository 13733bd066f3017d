"""A stick hand as a .glb: every joint of WebXR with a little box on it, fingers along -z."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from tryon.train.rig import CHAINS

BOX = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32) * 0.008
SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def write_hand(path: Path) -> Path:
    """Write it and return the path. Metres, as glTF has them; the wrist is at the origin."""
    joints = {"wrist": np.zeros(3)}
    for number, chain in enumerate(CHAINS):
        for place, name in enumerate(chain):
            joints[name] = np.array([0.025 * (number - 2), 0.0, -0.03 * (place + 1)])
    points = np.concatenate([BOX + at for at in joints.values()]).astype(np.float32)
    quads = np.concatenate([np.array(SIDES) + 8 * k for k in range(len(joints))])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.uint16)
    owner = np.repeat(np.arange(len(joints)), 8)
    bones = np.stack([owner, *[np.zeros_like(owner)] * 3], 1).astype(np.uint8)
    weights = np.tile(np.array([1, 0, 0, 0], np.float32), (len(points), 1))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    inverse[:, :3, 3] = -np.stack(list(joints.values()))
    tables = [
        (points, 5126, "VEC3"),
        (bones, 5121, "VEC4"),
        (weights, 5126, "VEC4"),
        (triangles, 5123, "SCALAR"),
        (np.ascontiguousarray(inverse.transpose(0, 2, 1)), 5126, "MAT4"),
    ]
    body, views, accessors = b"", [], []
    parts = {"VEC3": 3, "VEC4": 4, "SCALAR": 1, "MAT4": 16}
    for number, (table, kind, shape) in enumerate(tables):
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": table.nbytes})
        count = table.size // parts[shape]
        accessors.append(
            {"bufferView": number, "componentType": kind, "count": count, "type": shape}
        )
        body += table.tobytes() + b"\0" * (-table.nbytes % 4)
    attributes = {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}
    scene = {
        "nodes": [{"name": name} for name in joints],
        "skins": [{"joints": list(range(len(joints))), "inverseBindMatrices": 4}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 3}]}],
        "accessors": accessors,
        "bufferViews": views,
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(body))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    path.write_bytes(head + chunks + struct.pack("<I4s", len(body), b"BIN\0") + body)
    return path
