"""`python -m tryon.kernels.cuda_bench`: how near the kernels come to the memory's speed, on a GPU.

It times every step of a frame on a made-up face and prints beside it the bytes the step must move
at least, and how long this GPU takes to copy as many. What crosses the bus is timed by the host,
which waits for it in a frame, too. It asserts nothing. Not run on a GPU yet.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import cuda_launch as launch
from .cuda_device import Device

if TYPE_CHECKING:
    from .cuda import CudaDevice

F32 = NDArray[np.float32]
Step = Callable[[], object]
Clock = Callable[[Step], float]  # runs a step several times and tells its milliseconds

WARM_UP = 10  # runs of a step that are not counted
AHEAD = 4  # copies of 256 MiB before each run; 0.4 ms on the fastest GPUs


@dataclass(frozen=True, slots=True)
class Row:
    """One step of a frame."""

    name: str
    arithmetic: str  # how `floor` comes about
    floor: int  # bytes read and written at least
    milliseconds: float  # median
    clock: str  # GPU or host


def made_up_face(side: int, box: tuple[int, int]) -> tuple[F32, NDArray[np.int32], F32]:
    """A round mesh of 441 points and 800 triangles in a box (w, h): points, triangles, uv."""
    cells = 20
    u, v = np.meshgrid(*[np.linspace(0, 1, cells + 1)] * 2)
    depth = -np.sin(np.pi * u) * np.sin(np.pi * v) * 50
    points = np.stack([u * box[0] + 40, v * box[1] + 40, depth], -1).reshape(-1, 3)
    corner = np.arange(points.shape[0]).reshape(cells + 1, cells + 1)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    uv = np.stack([u, v], -1).reshape(-1, 2) * side
    return points.astype(np.float32), triangles.astype(np.int32), uv.astype(np.float32)


def measure(
    device: Device,
    gpu: Clock,
    host: Clock,
    *,
    side: int = 512,
    picture: tuple[int, int] = (1920, 1080),
    box: tuple[int, int] = (560, 760),
) -> list[Row]:
    """Time every step of a frame with one face.

    Args:
        device: where.
        gpu: of a step that is only queued.
        host: of a step that crosses the bus.
        side: texels of the atlas a side.
        picture: (w, h) of the frame, px.
        box: (w, h) of the face, px.
    """
    rng = np.random.default_rng(0)
    points, triangles, uv = made_up_face(side, box)
    # A texel of the made-up face belongs to the triangle of its cell's upper half: good enough.
    row, column = np.mgrid[:side, :side] * 20 // side
    owner = (row * 20 + column).astype(np.int32)
    shares = np.full((side, side, 3), 1 / 3, np.float32)
    up = device.upload
    image = rng.integers(0, 256, (picture[1], picture[0], 3), dtype=np.uint8)
    pixels, texels = box[0] * box[1], side * side
    where, shape = (40, 40), (box[1], box[0])
    frame = device.empty(image.shape, np.uint8)
    device.upload_box(image, frame, ((0, 0), image.shape[:2]))
    drawn = up(points), up(triangles), up(uv)
    seen, tables = up(points[:, 0] * 0 + 1), (up(owner), up(shares))
    texture = device.empty((side, side, 4), np.float32)
    layer = up(rng.uniform(0.5, 1.1, (side, side, 6)).astype(np.float32))
    memory = up(rng.uniform(0.5, 1.1, (side, side, 6)).astype(np.float32))
    weights = up(rng.random((side, side, 6), np.float32))
    gates, free = up(np.ones(6, np.float32)), up(np.ones((side, side), np.float32))
    index = up(np.tile(np.arange(texels, dtype=np.int32).reshape(side, side), (2, 1, 1)))
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1) * box[0] / 5
    contours = [(ring * k + np.array(box) / 2 + 40).astype(np.float32) for k in (1, 0.5, 0.3, 0.2)]
    soft = np.array([1 / 3, 1 / 3, 0, 0], np.float32)
    kept: dict[str, Any] = {}

    def set_up() -> None:
        kept["mesh"] = launch.set_up_mesh(device, drawn[0], drawn[1], drawn[2], where, shape)

    def cross() -> None:
        kept["cut"] = launch.cross(device, contours, where, shape, soft)

    def gate() -> None:
        kept["layer"] = launch.gate(device, layer, weights, gates, texture[..., 3], free)

    steps: list[tuple[str, str, int, Step]] = [
        ("upload", f"{pixels} px x 3", 3 * pixels,
         lambda: device.upload_box(image, frame, (where, shape))),
        ("unwrap", f"{pixels} px x 3 + {texels} texels x (16 table + 16 out)",
         3 * pixels + 32 * texels,
         lambda: launch.unwrap(device, frame, drawn[0], seen, drawn[1], tables[0], tables[1], 1,
                               texture[..., :3], texture[..., 3])),
        ("follow", f"{texels} texels x (24 + 24 + 16 in, 24 out)", 88 * texels,
         lambda: launch.follow(device, memory, layer, texture[..., 3], 0.2, 0.25, memory)),
        ("set up + bin", "800 triangles x 248", 248 * 800, set_up),
        ("cross", "4 contours x 120 corners x 8", 8 * 480, cross),
        ("gate", f"{texels} texels x (24 + 24 + 16 + 4 in, 24 out)", 92 * texels, gate),
        ("paint", f"{pixels} px x (3 in + 3 out) + {texels} texels x (24 + 4)",
         6 * pixels + 28 * texels,
         lambda: launch.paint(device, frame, kept["mesh"], kept["cut"], where, shape,
                              kept["layer"], index)),
        ("download", f"{pixels} px x 3", 3 * pixels,
         lambda: device.download_box(frame, image, (where, shape))),
    ]  # fmt: skip
    crossing = ("upload", "download")
    return [
        Row(name, text, floor, host(step), "host")
        if name in crossing
        else Row(name, text, floor, gpu(step), "GPU")
        for name, text, floor, step in steps
    ]


def gpu_clock(device: CudaDevice, runs: int) -> Clock:
    """A clock of the stream's work.

    Each run waits on the stream behind copies so long that the host has queued all of it when they
    are done; otherwise the clock would tell how fast the host queues. They also sweep the caches.
    """
    blocks = [device.empty((1 << 28,), np.uint8) for _ in range(2)]

    def once(step: Step) -> float:
        for _ in range(AHEAD):
            device.copy(*blocks)
        return device.milliseconds(step)

    return lambda step: statistics.median([once(step) for _ in range(WARM_UP + runs)][WARM_UP:])


def host_clock(device: CudaDevice, runs: int) -> Clock:
    """A clock of what the host waits for."""

    def once(step: Step) -> float:
        device.wait()
        began = time.perf_counter()
        step()
        device.wait()
        return (time.perf_counter() - began) * 1e3

    return lambda step: statistics.median([once(step) for _ in range(WARM_UP + runs)][WARM_UP:])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure on the current GPU; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tryon.kernels.cuda_bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="times each step is run (200)")
    runs = parser.parse_args(argv).runs
    from .cuda import CudaDevice, why_not

    if reason := why_not():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    device = CudaDevice()
    gpu, host = gpu_clock(device, runs), host_clock(device, runs)
    block = device.empty((1 << 28,), np.uint8)
    other = device.empty((1 << 28,), np.uint8)
    copying = gpu(lambda: device.copy(block, other))
    speed = 2 * block.nbytes / copying * 1e3  # bytes a second, read and written
    print(f"{device.name}: copies at {speed / 1e9:.0f} GB/s; 1080p, one face of 560 x 760, A = 512")
    print(f"{'step':14}{'clock':6}{'ms':>8}{'floor ms':>10}{'of floor':>10}  bytes at least")
    for row in measure(device, gpu, host):
        floor = row.floor / speed * 1e3
        told = f"{floor:10.4f}{floor / row.milliseconds:10.0%}"
        if row.clock == "host":  # its floor is the bus's
            told = f"{'-':>10}{'-':>10}"
        print(f"{row.name:14}{row.clock:6}{row.milliseconds:8.4f}{told}  {row.arithmetic}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
