"""`python -m tryon.webcam`: wear a look in front of a camera, live.

It joins a source, a session and sinks; what they do is theirs. Frames stay in memory unless
`--record` or the keys `c` and `r` ask for them to be written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from tryon import arguments as flags
from tryon.console import run_main
from tryon.preview import Preview
from tryon.settings import Settings, load_settings, save_settings, settings_path
from tryon.streaming.live import Sink, Source, run_live
from tryon.streaming.sinks import Background, NullSink, RecorderSink, VirtualCameraSink
from tryon.streaming.stats import STAGES, LiveReport, LiveStats, Percentiles
from tryon.view import KEYS, ViewState

if TYPE_CHECKING:
    from tryon.session import TryOnSession

_KEYS = ", ".join(f"{key} {what}" for key, what in KEYS)
_SLOW_FPS = 20.0  # a camera slower than this gets a hint


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: Arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    return run_main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tryon webcam",
        description="Wear the makeup of a photo, live.",
        epilog=f"Keys: {_KEYS}.",
    )
    flags.add_look_arguments(parser, several=True)
    flags.add_session_arguments(parser)
    add = parser.add_argument
    add("--source", default="camera:0", help="camera:0, camera:NAME, demo, or a video file")
    add("--list-cameras", action=_ListCameras, nargs=0, help="list the cameras and stop")
    add("--size", type=flags.size, default=(1280, 720), metavar="WxH", help="asked of the camera")
    add(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="show as in a mirror; by default for a camera",
    )
    add(
        "--remember",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the window's switches for next time, in a small file of yours",
    )
    add("--record", metavar="FILE", help="write what is made to a video file, without sound")
    add("--virtual-camera", action="store_true", help="offer it as a camera to other programs")
    add("--overwrite", action="store_true", help="replace an existing --record file")
    add("--frames", type=flags.whole(1), metavar="N", help="stop after N frames")
    add("--no-window", action="store_true", help="show nothing; a file is then read at full speed")
    add("--json", action="store_true", help="print the figures as one JSON object, last line")
    add("--quiet", action="store_true", help="print nothing else")
    return parser


class _ListCameras(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from tryon.streaming.cameras import list_cameras

        cameras = list_cameras()
        for camera in cameras:
            print(f"camera:{camera.index}  {camera.name}")
        if not cameras:
            print("the system lists no camera; --source camera:0 may work, --source demo does")
        parser.exit(0)


def _run(arguments: argparse.Namespace) -> None:
    say: Callable[[str], None] = (lambda text: None) if arguments.quiet else print
    stats = LiveStats()
    with ExitStack() as stack:
        # First what may be refused at once, last what takes time to load.
        view = None if arguments.no_window else Preview(stats, say)
        sinks: list[Sink] = [] if view is None else [view]
        if view is not None:
            stack.callback(view.close, failed=True)
        if arguments.virtual_camera:
            sinks.append(VirtualCameraSink(notice=say))
        offline = view is None and not arguments.virtual_camera and _is_file(arguments.source)
        recorder: Background | None = None
        if arguments.record:
            recorder = _recorder(arguments, stack, every_frame=offline)
            sinks.append(recorder)
        source = _open_source(arguments, say if view is None else view.notice)
        stack.callback(source.close)
        looks = flags.load_looks(arguments)
        session = stack.enter_context(flags.open_session(arguments, looks, every_frame=offline))
        say(f"backend: {session.backend}; source: {source.description}")
        if source.live and 0 < getattr(source, "fps", 0) < _SLOW_FPS:
            say("the camera is slow; more light or a smaller --size may make it faster")
        if view is not None:
            view.attach(session, looks, _remembered(arguments, session, source, say))
            stack.callback(_remember, arguments, view, source, say)
            say(f"keys: {_KEYS}")
        report = run_live(
            source,
            session.stages,
            sinks or [NullSink()],
            frames=arguments.frames,
            every_frame=offline,
            stop=lambda: view is not None and view.state.quit,
            stats=stats,
        )
        say(_summary(report))
        if recorder is not None and recorder.drops:
            say(f"{recorder.drops} frames are not in the recording: writing was slower")
        if arguments.json:
            print(json.dumps(figures(report, session.backend)), flush=True)


def _remembered(
    arguments: argparse.Namespace, session: TryOnSession, source: Source, say: Callable[[str], None]
) -> ViewState:
    """The window as it was left last time, as far as the flags do not say otherwise."""
    state = ViewState(base=session.intensities, mirror=source.live)
    if arguments.remember:
        settings, remark = load_settings(settings_path())
        state = settings.applied(state)
        if remark:
            say(remark)
    return state if arguments.mirror is None else replace(state, mirror=arguments.mirror)


def _remember(
    arguments: argparse.Namespace, view: Preview, source: Source, say: Callable[[str], None]
) -> None:
    if arguments.remember:
        remark = save_settings(Settings.of(view.state, source.live), settings_path())
        if remark:
            say(remark)


def _is_file(source: str) -> bool:
    return source != "demo" and source.partition(":")[0] != "camera"


def _open_source(arguments: argparse.Namespace, notice: Callable[[str], None]) -> Source:
    """The source that `--source` names."""
    kind, _, which = arguments.source.partition(":")
    width, height = arguments.size
    if arguments.source == "demo":
        from tryon.streaming.demo_clip import DemoClip

        return DemoClip(width, height)
    if kind == "camera":
        from tryon.streaming.camera import Camera, CameraConfig
        from tryon.streaming.cameras import find_camera

        config = CameraConfig(find_camera(which or "0"), width, height)
        return Camera(config, notice=notice)
    from tryon.streaming.media import VideoReader

    return VideoReader(arguments.source)


def _recorder(arguments: argparse.Namespace, stack: ExitStack, *, every_frame: bool) -> Background:
    from tryon.streaming.media_writer import VideoWriter

    writer = VideoWriter(arguments.record, overwrite=arguments.overwrite)
    stack.callback(writer.abort)  # nothing is left if the run never begins
    return Background(RecorderSink(writer, keep_partial=True), every_frame=every_frame)


def _summary(report: LiveReport) -> str:
    age = report.frame_age_ms
    return (
        f"{report.frames} frames, {report.drops} dropped, {report.fps:.1f} fps; "
        f"frame age p50 {age.p50:.0f} ms, p95 {age.p95:.0f} ms"
    )


def figures(report: LiveReport, backend: str) -> dict[str, Any]:
    """The object that `--json` prints; figures that were not measured are null."""
    stages = zip(STAGES, report.stages_ms, strict=True)
    return {
        "frames": report.frames,
        "drops": report.drops,
        "fps": round(report.fps, 2),
        "backend": backend,
        "student_share": _rounded(report.student_share),
        "stages_ms": {name: _triple(p) for name, p in stages},
        "frame_age_ms": _triple(report.frame_age_ms),
    }


def _triple(p: Percentiles) -> dict[str, float | None]:
    values = {"p50": p.p50, "p95": p.p95, "p99": p.p99}
    return {name: _rounded(v) for name, v in values.items()}


def _rounded(value: float) -> float | None:
    return round(value, 3) if isfinite(value) else None


if __name__ == "__main__":
    sys.exit(main())
