"""The command `tryon bench`: arguments and printing only."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from math import isfinite
from typing import Any

import numpy as np

from tryon import arguments as flags
from tryon.bench import beside
from tryon.bench.machine import Machine, describe_machine
from tryon.bench.rows import (
    FACES,
    SIZES,
    Row,
    measure_memory,
    measure_row,
    measure_swap,
    moving_faces,
)
from tryon.console import run_main
from tryon.streaming.stats import Percentiles, percentiles
from tryon.webcam import figures


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tryon bench", description="Measure this machine.")
    add = parser.add_argument
    flags.add_look_arguments(parser, required=False)
    flags.add_session_arguments(parser, faces=False)
    add("--size", nargs="+", choices=SIZES, default=["720p"], help="of the frames, one row each")
    add("--faces", nargs="+", type=int, choices=FACES, default=[1], help="in a frame, one row each")
    add("--frames", type=flags.whole(10), default=600, metavar="N", help="to measure for a row")
    add("--soak", type=flags.whole(0), default=2000, metavar="N", help="frames for the memory")
    add("--compare", action="store_true", help="beside it, parsing alone and a PyTorch student")
    add("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if not (arguments.ref or arguments.look) and arguments.remove is None:
        arguments.look = [str(files("tryon.look") / "assets" / "crimson.look")]
    looks = flags.load_looks(arguments)  # a wrong name is told before anything is measured
    machine = describe_machine()
    _print_machine(machine)
    rows = []
    for faces in arguments.faces:
        arguments.max_faces = faces
        with flags.open_session(arguments, looks) as session:
            session.wait_ready()
            for size in arguments.size:
                pictures = moving_faces(size, faces)
                rows.append(measure_row(session, size, faces, pictures, arguments.frames))
                _print_row(rows[-1])
    arguments.max_faces = 1
    pictures = moving_faces("720p", 1)
    with flags.open_session(arguments, looks) as session:
        session.wait_ready()
        swap = percentiles(np.array(measure_swap(session, looks, pictures[0]), np.float32))
        memory = measure_memory(session, pictures, arguments.soak)
        film = beside.from_a_file(session, pictures, min(arguments.frames, 300))
        camera = beside.from_a_camera(session, pictures, arguments.frames)
    others: dict[str, Any] = {
        "file_source_fps": film,
        "camera_60_fps": {
            "fps": round(camera.fps, 1),
            "drops": camera.drops,
            "frame_age_ms": _rounded(camera.frame_age_ms),
        },
        "start_to_first_frame_s": beside.start_up(looks[0], arguments.backend),
        "look_swap_ms": _rounded(swap),
        "memory_mb": memory,
    }
    print(f"from a 720p H.264 file, not encoded: {film:.1f} fps")
    print(
        f"from a source of 60 frames a second: {camera.fps:.1f} fps, {camera.drops} dropped, frame "
        f"age p50 {camera.frame_age_ms.p50:.1f}, p95 {camera.frame_age_ms.p95:.1f} ms"
    )
    print(f"start of the process to the first made-up frame: {others['start_to_first_frame_s']} s")
    print(f"another look, with its first frame: p50 {swap.p50:.1f} ms")
    if memory:
        print(f"resident memory early and late: {memory} MB")
    if arguments.compare:
        others["compare_ms"] = _compare(arguments, looks[0], pictures, rows[0])
    if arguments.json:
        told = [_json(row, machine) for row in rows]
        print(json.dumps({"rows": told, **others}))


def _compare(
    arguments: argparse.Namespace, look: Any, pictures: Sequence[Any], row: Row
) -> dict[str, dict[str, float] | None]:
    """Other loops in this very run, and how ours relates to them."""
    count = min(arguments.frames, 200)
    ours = figures(row.report, row.backend)["stages_ms"]
    loops = (
        ("parse only, fast", beside.parse_only("fast", pictures, count), "total"),
        ("parse only, mediapipe", beside.parse_only("mediapipe", pictures, count), "total"),
        ("student, eager PyTorch", beside.torch_eager_student(look, count), "student"),
    )
    for name, times, stage in loops:
        if times is None:
            print(f"{name}: not installed")
        elif stage == "student" and _queued(row):
            print(f"{name}: p50 {times.p50:.2f} ms (ours is waited for with all else, see above)")
        elif ours[stage]["p50"] is not None:
            ratio = ours[stage]["p50"] / times.p50
            what = "our whole frame" if stage == "total" else "our student"
            print(f"{name}: p50 {times.p50:.2f} ms ({what} takes {ratio:.2f} times as long)")
    return {name: times and _rounded(times) for name, times, _ in loops}


def _json(row: Row, machine: Machine) -> dict[str, Any]:
    return {
        "size": row.size,
        "faces": row.faces,
        "faces_seen": row.seen,
        "face_px": row.face_px if isfinite(row.face_px) else None,
        **asdict(machine),
        **figures(row.report, row.backend),
    }


def _rounded(p: Percentiles) -> dict[str, float]:
    return {"p50": round(p.p50, 2), "p95": round(p.p95, 2), "p99": round(p.p99, 2)}


def _print_machine(machine: Machine) -> None:
    print(f"{machine.cpu}, {machine.cores} cores, GPU: {machine.gpu}, {machine.system}")
    print(f"{machine.date}, commit {machine.commit}; {machine.versions}\n")


def _print_row(row: Row) -> None:
    told = figures(row.report, row.backend)
    print(
        f"{row.size}, {row.faces} face(s) of {row.face_px:.0f} px ({row.seen:g} seen), "
        f"{row.backend}, {told['frames']} frames"
    )
    print(f"{'stage':12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for stage, times in {**told["stages_ms"], "frame age": told["frame_age_ms"]}.items():
        values = (times[key] for key in ("p50", "p95", "p99"))
        print(f"{stage:12}" + "".join(f"{'-' if v is None else f'{v:.2f}':>9}" for v in values))
    if _queued(row):
        print("on the GPU work is queued up to composite, which waits for all of it")
    print(f"pictures in memory: {told['fps']:.1f} fps\n", flush=True)


def _queued(row: Row) -> bool:
    """Whether the stages up to composite hold the time of queueing work, not of doing it."""
    return " + cuda kernels + " in row.backend
