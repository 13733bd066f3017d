"""A desktop window: shows pictures and collects keys and mouse drags as plain values.

It never interprets them and never holds the live loop up for longer than the system needs.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tryon.errors import SinkError
from tryon.types import UInt8

_NAMES = {9: "tab", 27: "esc"}
_REMEDY = "run on a desktop, or pass --no-window"


@dataclass(frozen=True, slots=True)
class Drag:
    """The left mouse button is held at a place of the picture."""

    x: float  # px of the picture
    y: float


class Window:
    """One window.

    Args:
        title: Its title; also its identity for the system, so one window a title.

    Raises:
        SinkError: There is no desktop to open a window on.
    """

    def __init__(self, title: str = "tryon") -> None:
        problem = display_problem()
        if problem:
            raise SinkError(f"no window can be opened: {problem}; {_REMEDY}")
        import cv2

        self._title = title
        self._drags: list[Drag] = []
        self._shown = False
        try:
            cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            cv2.setMouseCallback(title, self._mouse)
        except cv2.error as error:
            raise SinkError(
                f"no window can be opened: OpenCV has no GUI here; {_REMEDY}"
            ) from error

    def show(self, image: UInt8) -> None:
        """Show a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        import cv2

        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self._shown = True

    def poll(self) -> tuple[tuple[str, ...], tuple[Drag, ...]]:
        """Handle the system's events; call it at least thirty times a second.

        Returns:
            Keys pressed since the last call ("a", " ", "tab"; closing the window gives "esc"), and
            drags.
        """
        import cv2

        keys = []
        while (code := cv2.pollKey()) >= 0:
            keys.append(_NAMES.get(code & 0xFF) or chr(code & 0xFF))
        if self._shown and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            keys.append("esc")
        drags, self._drags = tuple(self._drags), []
        return tuple(keys), drags

    def close(self) -> None:
        """Close the window; harmless twice."""
        import cv2

        with suppress(cv2.error):  # the user may have closed it
            cv2.destroyWindow(self._title)
            cv2.pollKey()

    def _mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        import cv2

        moved = event == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON
        if moved or event == cv2.EVENT_LBUTTONDOWN:
            self._drags.append(Drag(float(x), float(y)))


def display_problem(platform: str = sys.platform) -> str:
    """Why no window can be opened, or "" if one can.

    On Linux the GUI toolkit ends the whole process when it finds no display, so it must be
    asked before it is loaded.

    Args:
        platform: As `sys.platform`.
    """
    if not platform.startswith("linux"):
        return ""
    display = os.environ.get("DISPLAY", "")  # Wayland desktops set it too, for XWayland
    if not display:
        return "there is no display"
    number = display.removeprefix(":").split(".")[0]
    if not display.startswith(":") or not number.isdecimal():
        return ""  # a remote display: only trying tells
    path = f"/tmp/.X11-unix/X{number}"
    for address in (path, "\0" + path):
        if not address.startswith("\0") and not Path(address).exists():
            continue
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(address)
                return ""
            except OSError:
                continue
    return f"display {display} does not answer"
