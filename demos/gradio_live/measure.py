"""`python -m demos.gradio_live.measure`: frames shown a second and their age, in a real Chromium.

The camera is the built-in clip with a number in each frame; the page's own video elements tell
when a number first came from the camera and when its made-up frame was shown. It prints figures
and judges nothing.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from tryon import TryOnError

from .fake_camera import BITS, CELL, FRAMES, chromium, write_clip

# Reads the numbers of both videos whenever a frame of either is shown.
SCRIPT = """
([bits, cell]) => {
  const raw = document.createElement("video");
  Object.assign(raw, { muted: true, srcObject: tryon.camera() });
  document.body.append(raw);
  raw.style.cssText = "position:fixed;width:2px;height:2px;opacity:.01";
  raw.play();
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const log = (window.log = { sent: [], shown: [] });
  const read = (video) => {
    const [w, h] = [video.videoWidth, video.videoHeight], size = (cell * h) / 480;
    [pen.canvas.width, pen.canvas.height] = [(bits + 2) * size, size];
    pen.drawImage(video, 0, h - size, pen.canvas.width, size, 0, 0, pen.canvas.width, size);
    const row = pen.getImageData(0, Math.floor(size / 2), pen.canvas.width, 1).data;
    const bit = (k) => row[4 * Math.floor((k + 0.5) * size)] > 127;
    if (!bit(0) || bit(1)) return -1;
    let number = 0;
    for (let k = 0; k < bits; k++) number |= bit(k + 2) << k;
    return number;
  };
  const watch = (video, list) => {
    const next = (now, { presentationTime }) => {
      list.push([presentationTime, read(video)]);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  };
  watch(raw, log.sent);
  watch(document.getElementById("view"), log.shown);
}
"""


@contextmanager
def server(*flags: str) -> Iterator[str]:
    """The demo in a process of its own; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module = (__package__ or "demos.gradio_live") + ".__main__"
    command = [sys.executable, "-m", module, "--port", str(port), *flags]
    process = subprocess.Popen(command)
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def start_camera(page: Any, address: str) -> None:
    """Open the page and wait until made-up frames are shown."""
    page.goto(address)
    page.wait_for_selector("#strip button", timeout=120_000)
    page.click("#start")
    page.wait_for_selector('#stage[data-phase="on"]', timeout=120_000)


def measure(seconds: float, width: int, height: int) -> dict[str, Any]:
    """Run the demo for some seconds and sum up.

    Returns:
        Frames shown per second, and how many ms after the camera's frame its made-up frame was
        shown (p50, p95), by the clock of the page.
    """
    with tempfile.TemporaryDirectory() as folder, server() as address:
        clip = Path(folder) / "clip.y4m"
        write_clip(clip, width, height)
        with chromium(clip) as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            start_camera(page, address)
            sleep(5)  # the codecs find their rates
            page.evaluate(SCRIPT, [BITS, CELL])
            sleep(seconds)
            log = page.evaluate("log")
            told = page.inner_text("#meter")
    ages = frame_ages(log["sent"], log["shown"])
    shown = [time for time, _ in log["shown"]]
    fps = (len(shown) - 1) / (shown[-1] - shown[0]) * 1000 if len(shown) > 1 else 0.0
    p50, p95 = (round(float(p), 1) for p in np.percentile(ages, (50, 95))) if ages else (None, None)
    return {
        "size": f"{width}x{height}",
        "seconds": seconds,
        "fps_shown": round(fps, 1),
        "latency_ms": {"p50": p50, "p95": p95},
        "frames": {"sent": len(log["sent"]), "shown": len(log["shown"]), "matched": len(ages)},
        "page_says": told,
    }


def frame_ages(sent: Sequence[Sequence[float]], shown: Sequence[Sequence[float]]) -> list[float]:
    """Time from a number's frame at the camera to its frame on the screen, ms.

    Args:
        sent: (time in ms, number or -1) of the camera's frames, in order.
        shown: the same of the made-up frames.
    """
    half_loop = 1000 * FRAMES / 30 / 2  # ms; a number comes again after twice that
    ages = []
    for time, number in shown:
        before = [t for t, n in sent if n == number and 0 <= time - t < half_loop]
        if number >= 0 and before:
            ages.append(time - max(before))
    return ages


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one JSON object.

    Args:
        argv: arguments without the program's name; None takes the process's.
    """
    parser = argparse.ArgumentParser(prog="python -m demos.gradio_live.measure")
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args(argv)
    print(json.dumps(measure(arguments.seconds, 640, 480)))
    return 0


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + 180
    while monotonic() < deadline:
        if process.poll() is not None:
            raise TryOnError("the demo ended before it answered")
        try:
            with urlopen(address, timeout=10):
                return
        except (URLError, OSError):
            sleep(0.5)
    raise TryOnError("the demo did not answer within three minutes")


if __name__ == "__main__":
    sys.exit(main())
