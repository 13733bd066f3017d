"""What the webcam window shows: keys and drags change a small state, the state picks the picture.

Everything here is a pure function of its arguments; it opens no window and touches no session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tryon.types import MAX_INTENSITY, REGIONS, Face, Frame, TryOnResult, UInt8

# What the keys do, in the order of the help; `press` carries them out.
KEYS = (
    ("space", "hold to compare"),
    ("s", "split line, to be dragged"),
    (", .", "move the split line"),
    ("1-6", "regions on and off"),
    ("tab", "choose a region"),
    ("[ ]", "intensity, of that region or of all"),
    ("n p", "next and previous look"),
    ("l", "look strip"),
    ("f", "choose whose look the keys change"),
    ("m", "mirror"),
    ("c", "save a picture"),
    ("r", "start and stop recording, without sound"),
    ("w", "write the look"),
    ("h", "figures"),
    ("d", "landmarks"),
    ("?", "this help"),
    ("q", "quit"),
)
_STEP = 0.1
_SPLIT_STEP = 0.05
# A window reports a held key as repeated presses, the second one after the system's delay of
# about half a second, and never its release.
_FIRST_HOLD_S, _REPEAT_HOLD_S = 0.7, 0.15
_ALL = len(REGIONS)  # in place of the index of a chosen region


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the user has chosen in the window."""

    base: tuple[float, ...]  # intensities of REGIONS to start from
    on: tuple[bool, ...] = (True,) * len(REGIONS)
    strengths: tuple[float, ...] = (1.0,) * len(REGIONS)  # multiply them
    region: int = _ALL  # whose strength the brackets change: an index of REGIONS, or all
    split: float | None = None  # place of the line, 0 left .. 1 right; original left of it
    mirror: bool = False
    hud: bool = True
    strip: bool = True
    debug: bool = False
    help: bool = False
    recording: float | None = None  # since when, s on the monotonic clock
    compare_until: float = 0.0  # s on the monotonic clock
    look: int = 0  # steps through the looks, either way; the window takes it modulo their number
    face: int = 0  # steps through the faces
    pictures: int = 0  # asked for so far
    saves: int = 0  # of the look, asked for so far
    quit: bool = False

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS, 0..1.5."""
        return tuple(
            min(MAX_INTENSITY, value * strength) if on else 0.0
            for value, strength, on in zip(self.base, self.strengths, self.on, strict=True)
        )


_TOGGLES = {"m": "mirror", "h": "hud", "d": "debug", "l": "strip", "?": "help"}
_STEPS = {"n": ("look", 1), "p": ("look", -1), "f": ("face", 1), "c": ("pictures", 1),
          "w": ("saves", 1)}  # fmt: skip


def press(state: ViewState, key: str, now: float) -> ViewState:
    """The state after a key.

    Args:
        state: Before.
        key: One character, "tab" or "esc"; unknown ones change nothing. `KEYS` lists them.
        now: s on the monotonic clock.
    """
    if key == " ":
        hold = _REPEAT_HOLD_S if now < state.compare_until else _FIRST_HOLD_S
        return replace(state, compare_until=max(state.compare_until, now + hold))
    if key in ("q", "esc"):
        return replace(state, quit=True)
    if key in _TOGGLES:
        return _with(state, _TOGGLES[key], not getattr(state, _TOGGLES[key]))
    if key in _STEPS:
        name, step = _STEPS[key]
        return _with(state, name, getattr(state, name) + step)
    if key == "s":
        return replace(state, split=0.5 if state.split is None else None)
    if key in (",", ".") and state.split is not None:
        return drag(state, state.split + (_SPLIT_STEP if key == "." else -_SPLIT_STEP))
    if key == "r":
        return replace(state, recording=now if state.recording is None else None)
    if key == "tab":
        return replace(state, region=(state.region + 1) % (_ALL + 1))
    if key in ("[", "]"):
        return _stronger(state, _STEP if key == "]" else -_STEP)
    if key.isdecimal() and 1 <= int(key) <= len(REGIONS):
        at = int(key) - 1
        on = tuple(not old if i == at else old for i, old in enumerate(state.on))
        return replace(state, on=on)
    return state


def _with(state: ViewState, name: str, value: bool | int) -> ViewState:
    changes: dict[str, Any] = {name: value}
    return replace(state, **changes)


def _stronger(state: ViewState, step: float) -> ViewState:
    strengths = tuple(
        min(MAX_INTENSITY, max(0.0, round(old + step, 1))) if state.region in (i, _ALL) else old
        for i, old in enumerate(state.strengths)
    )
    return replace(state, strengths=strengths)


def drag(state: ViewState, place: float) -> ViewState:
    """The state while the mouse button is held.

    Args:
        state: Before.
        place: Where, 0 left .. 1 right; moves the split line if there is one.
    """
    if state.split is None:
        return state
    return replace(state, split=min(1.0, max(0.0, place)))


def compose(state: ViewState, frame: Frame, result: TryOnResult, now: float) -> UInt8:
    """The picture to show, without the HUD.

    Args:
        state: What the user has chosen.
        frame: What the camera saw.
        result: What was made of it, of the same size.
        now: s on the monotonic clock.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    comparing = now < state.compare_until
    split = 0.0 if comparing or state.split is None else state.split
    shown = (frame if comparing else result).image.copy()
    if state.debug and not comparing:
        _mark_landmarks(shown, result)
    width = shown.shape[1]
    line = round(split * width)
    original = slice(width - line, width) if state.mirror else slice(0, line)
    shown[:, original] = frame.image[:, original]
    if state.mirror:
        shown = _flipped(shown)
    if 0 < line:
        shown[:, line - 1 : line + 1] = 255
    return shown


def status(state: ViewState, now: float) -> str:
    """The choices in words, "" when all is as it began."""
    words = []
    if state.recording is not None:
        minutes, seconds = divmod(int(now - state.recording), 60)
        words.append(f"REC {minutes}:{seconds:02}")
    if now < state.compare_until:
        words.append("original")
    elif state.split is not None:
        words.append("original | with makeup")
    off = [name for name, on in zip(REGIONS, state.on, strict=True) if not on]
    if off:
        words.append(f"off: {', '.join(off)}")
    if len(set(state.strengths)) == 1:
        changed = {} if state.strengths[0] == 1 else {"intensity": state.strengths[0]}
    else:
        pairs = zip(REGIONS, state.strengths, strict=True)
        changed = {name: value for name, value in pairs if value != 1}
    words.extend(f"{name} x{value:.1f}" for name, value in changed.items())
    if state.region != _ALL:
        words.append(f"[ ] change: {REGIONS[state.region]}")
    return "  ".join(words)


def frame_face(image: UInt8, face: Face, mirror: bool) -> None:
    """Draw the corners of a box round the chosen face, in place.

    Args:
        image: (H, W, 3) uint8 RGB as shown; changed.
        face: In the picture before mirroring.
        mirror: Whether it is shown mirrored.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = face.box
    if mirror:
        x0, x1 = width - x1, width - x0
    left, right = (int(min(max(x, 0), width - 1)) for x in (x0, x1))
    top, bottom = (int(min(max(y, 0), height - 1)) for y in (y0, y1))
    arm = max(4, (right - left) // 5)
    for y in (top, bottom):
        image[y : y + 2, left : left + arm] = image[y : y + 2, max(right - arm, 0) : right] = 255
    for x in (left, right):
        image[top : top + arm, x : x + 2] = image[max(bottom - arm, 0) : bottom, x : x + 2] = 255


def _mark_landmarks(image: UInt8, result: TryOnResult) -> None:
    """Put a dot at every landmark inside the picture, in place."""
    height, width = image.shape[:2]
    for face in result.faces:
        points = face.landmarks[:, :2]
        points = points[np.isfinite(points).all(1)]
        inside = ((points >= 0) & (points < (width - 1, height - 1))).all(1)
        x, y = points[inside].astype(np.intp).T
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            image[y + dy, x + dx] = (0, 255, 0)


def _flipped(image: UInt8) -> UInt8:
    import cv2  # a mirrored copy by NumPy takes ten times as long

    flipped: UInt8 = cv2.flip(image, 1)
    return flipped
