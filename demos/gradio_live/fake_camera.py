"""A Chromium without a screen whose camera plays the built-in clip, for tests and measurements.

Each frame carries its number as a barcode at the lower edge, where no makeup comes, so that it is
known in the page which frame is being shown.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tryon import TryOnError
from tryon.streaming.demo_clip import FPS, LOOP, DemoClip
from tryon.types import UInt8

BITS = 7
FRAMES = 1 << BITS  # in the file, which the browser plays again and again
CELL = 16  # px, one bit


class NoBrowserError(TryOnError):
    """There is no Chromium, or nothing to drive it with."""


def write_clip(path: Path, width: int = 640, height: int = 480) -> None:
    """Write the clip as the .y4m file that Chromium takes for a camera."""
    import cv2

    clip = DemoClip(width, height)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FRAMES):
            image = clip.frame(number * LOOP // FRAMES).image
            draw_number(image, number)
            file.write(b"FRAME\n" + cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).tobytes())


def draw_number(image: UInt8, number: int) -> None:
    """Write a frame's number into its lower left corner, in place: white cells are ones."""
    bits = [(number >> k) & 1 for k in range(BITS)]
    for k, bit in enumerate([1, 0, *bits]):  # first a one and a zero: this is what they look like
        image[-CELL:, k * CELL : (k + 1) * CELL] = 255 * np.uint8(bit)


@contextmanager
def chromium(clip: Path) -> Iterator[Any]:
    """A running Chromium (a playwright `Browser`) with the clip for a camera.

    Raises:
        NoBrowserError: playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError("playwright is missing: pip install playwright") from None
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        raise NoBrowserError("no Chromium found; install your system's chromium package")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",  # containers have no user namespaces; it opens our page only
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={clip}",
                "--disable-background-networking",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()
