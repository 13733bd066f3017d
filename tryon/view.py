"""What the webcam window shows: keys and drags change a small state, the state picks the picture.

Everything here is a pure function of its arguments; it opens no window and touches no session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tryon.types import MAX_INTENSITY, REGIONS, Frame, TryOnResult, UInt8

KEYS = (
    "space hold to compare, s split (drag the line), 1-6 regions, [ ] intensity, n p look, "
    "m mirror, d debug, h HUD, c picture, q quit"
)
_STEP = 0.1
# A window reports a held key as repeated presses, the second one after the system's delay of
# about half a second, and never its release.
_FIRST_HOLD_S, _REPEAT_HOLD_S = 0.7, 0.15


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the user has chosen in the window."""

    base: tuple[float, ...]  # intensities of REGIONS to start from
    on: tuple[bool, ...] = (True,) * len(REGIONS)
    strength: float = 1.0  # multiplies every region
    split: float | None = None  # place of the line, 0 left .. 1 right; original left of it
    mirror: bool = False
    hud: bool = True
    debug: bool = False
    compare_until: float = 0.0  # s on the monotonic clock
    look: int = 0  # steps through the looks, either way; the window takes it modulo their number
    pictures: int = 0  # asked for so far
    quit: bool = False

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS, 0..1.5."""
        return tuple(
            min(MAX_INTENSITY, value * self.strength) if on else 0.0
            for value, on in zip(self.base, self.on, strict=True)
        )


def press(state: ViewState, key: str, now: float) -> ViewState:
    """The state after a key.

    Args:
        state: Before.
        key: One character, or "esc"; unknown ones change nothing.
        now: s on the monotonic clock.
    """
    if key == " ":
        hold = _REPEAT_HOLD_S if now < state.compare_until else _FIRST_HOLD_S
        return replace(state, compare_until=max(state.compare_until, now + hold))
    if key in ("q", "esc"):
        return replace(state, quit=True)
    if key == "s":
        return replace(state, split=0.5 if state.split is None else None)
    if key in ("n", "p"):
        return replace(state, look=state.look + (1 if key == "n" else -1))
    if key == "m":
        return replace(state, mirror=not state.mirror)
    if key == "h":
        return replace(state, hud=not state.hud)
    if key == "d":
        return replace(state, debug=not state.debug)
    if key == "c":
        return replace(state, pictures=state.pictures + 1)
    if key in ("[", "]"):
        strength = round(state.strength + (_STEP if key == "]" else -_STEP), 1)
        return replace(state, strength=min(MAX_INTENSITY, max(0.0, strength)))
    if key.isdecimal() and 1 <= int(key) <= len(REGIONS):
        at = int(key) - 1
        on = tuple(not old if i == at else old for i, old in enumerate(state.on))
        return replace(state, on=on)
    return state


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
    if now < state.compare_until:
        words.append("original")
    elif state.split is not None:
        words.append("original | with makeup")
    off = [name for name, on in zip(REGIONS, state.on, strict=True) if not on]
    if off:
        words.append(f"off: {', '.join(off)}")
    if state.strength != 1.0:
        words.append(f"intensity x{state.strength:.1f}")
    return "  ".join(words)


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
