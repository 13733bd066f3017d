"""The window of the webcam command: shows the newest result, carries out what its keys ask for.

What a key means and what is drawn are pure functions in `view`; this joins them to a window, a
session and files. It writes a file only when a key asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, strftime
from typing import TYPE_CHECKING

from tryon.errors import TryOnError
from tryon.hud import draw_lines
from tryon.recording import Recording
from tryon.streaming.stats import LiveStats
from tryon.strip import Strip
from tryon.types import REGIONS, Face, Frame, TryOnResult, UInt8
from tryon.view import KEYS, ViewState, compose, drag, frame_face, press, status

if TYPE_CHECKING:
    from tryon.look.look import Look
    from tryon.session import TryOnSession
    from tryon.streaming.window import Drag, Window

_NOTICE_S = 5.0  # how long a notice stays on the HUD


class Preview:
    """A sink that shows results in a window.

    Args:
        stats: Figures for the HUD.
        say: Told every notice too.

    Raises:
        SinkError: There is no desktop to open a window on.
    """

    def __init__(self, stats: LiveStats, say: Callable[[str], None]) -> None:
        from tryon.streaming.window import Window

        self.state = ViewState(base=(1.0,) * len(REGIONS))
        self._window: Window = Window()
        self._stats, self._say = stats, say
        self._session: TryOnSession | None = None
        self._looks: tuple[Look, ...] = ()
        self._strip = Strip(())
        self._face: int | None = None  # whose look the keys change; None: everybody's
        self._last: tuple[Frame, TryOnResult] | None = None
        self._notice, self._notice_until = "", 0.0
        self._recordings: list[Recording] = []  # the last one may be going on

    def attach(self, session: TryOnSession, looks: Sequence[Look], state: ViewState) -> None:
        """Say whose makeup the keys change, which looks there are, and how the window begins."""
        self._session, self._looks, self._strip = session, tuple(looks), Strip(looks)
        self.state = state
        self._set_intensities(session.intensities)

    def notice(self, text: str) -> None:
        """Show a line for some seconds; may come from another thread."""
        self._notice, self._notice_until = text, monotonic() + _NOTICE_S
        self._say(text)

    def show(self, frame: Frame, result: TryOnResult) -> None:
        """Show a result."""
        self._last = frame, result
        self._draw(new=True)
        self._handle()

    def idle(self) -> None:
        """No new frame: keys still work, and what they change is shown."""
        if self._handle() or monotonic() < self._notice_until:
            self._draw()

    def close(self, *, failed: bool) -> None:
        """Close the window; a recording is ended and kept."""
        self._window.close()
        for recording in self._recordings:
            recording.stop()
            recording.wait()

    def _draw(self, new: bool = False) -> None:
        if self._last is None:
            return
        frame, result = self._last
        now = monotonic()
        image = compose(self.state, frame, result, now)
        if new and self.state.recording is not None:
            self._record(image.copy(), frame.captured_at)
        for face in self._chosen(result):
            frame_face(image, face, self.state.mirror)
        if self.state.strip and self._looks:
            self._strip.draw(image, self.state.look % len(self._looks))
        if self.state.help:
            draw_lines(image, [f"{key}  -  {what}" for key, what in KEYS])
        elif self.state.hud:
            stats = self._stats
            figures = f"{stats.fps:.1f} fps | age {stats.age_ms:.0f} ms | drops {stats.drops}"
            notice = self._notice if now < self._notice_until else ""
            name = self._looks[self.state.look % len(self._looks)].name if self._looks else "bare"
            wears = f"{'everybody' if self._face is None else 'chosen face'}: {name}"
            words = " | ".join(filter(None, (wears, status(self.state, now))))
            draw_lines(image, (f"{result.backend} | {figures}", words, notice))
        self._window.show(image)

    def _chosen(self, result: TryOnResult) -> tuple[Face, ...]:
        return tuple(face for face in result.faces if face.track_id == self._face)

    def _handle(self) -> bool:
        """Carry out what was pressed and dragged; tells whether anything was."""
        keys, drags = self._window.poll()
        before = self.state
        for key in keys:
            self.state = press(self.state, key, monotonic())
        for moved in drags:
            self._drag(moved)
        if self.state.face != before.face:
            self._choose_face()
        if self._session is not None:
            if self.state.look != before.look and self._looks:
                look = self._looks[self.state.look % len(self._looks)]
                self._session.set_look(look, self._face)
                self.state = replace(self.state, base=look.intensities)
                self._set_intensities(look.intensities)
                self.notice(f"look: {look.name}")
            else:
                self._set_intensities(before.intensities)
        if (self.state.recording is None) != (before.recording is None):
            self._start_or_stop_recording()
        if self.state.pictures != before.pictures and self._last is not None:
            self._write(f"{self.state.pictures}.png", self._save_picture)
        if self.state.saves != before.saves and self._looks:
            self._write(f"{self.state.saves}.look", self._save_look)
        return bool(keys or drags)

    def _set_intensities(self, old: Sequence[float]) -> None:
        """Bring the session from old intensities to those of the state."""
        if self._session is not None:
            for region, was, value in zip(REGIONS, old, self.state.intensities, strict=True):
                if was != value:
                    self._session.set_intensity(region, value, self._face)

    def _drag(self, moved: Drag) -> None:
        if self._last is None:
            return
        image = self._last[0].image
        place = self._strip.at(image, moved.x, moved.y) if self.state.strip else None
        if place is None:
            self.state = drag(self.state, moved.x / image.shape[1])
        else:
            self.state = replace(self.state, look=place)

    def _choose_face(self) -> None:
        """Everybody, then each face that is seen, and round again."""
        seen = sorted(face.track_id for face in self._last[1].faces) if self._last else []
        later = [name for name in seen if self._face is None or name > self._face]
        self._face = later[0] if later else None
        self.notice("keys change everybody" if self._face is None else "keys change this face")

    def _start_or_stop_recording(self) -> None:
        if self.state.recording is None:
            self._recordings[-1].stop()
            return
        path = _path(f"{len(self._recordings) + 1}.mp4")
        try:
            self._recordings.append(Recording(path, self.notice))
        except TryOnError as error:
            self.state = replace(self.state, recording=None)
            self.notice(str(error))
        else:
            self.notice(f"recording to {path}, without sound; r stops")

    def _record(self, image: UInt8, captured_at: int) -> None:
        try:
            self._recordings[-1].add(image, captured_at)
        except TryOnError:  # it tells why when it ends
            self.state = replace(self.state, recording=None)
            self._recordings[-1].stop()

    def _write(self, end: str, save: Callable[[Path], None]) -> None:
        path = _path(end)
        try:
            save(path)
        except TryOnError as error:
            self.notice(str(error))
        else:
            self.notice(f"saved {path}")

    def _save_picture(self, path: Path) -> None:
        from tryon.look.photo import write_photo

        if self._last is not None:
            write_photo(path, self._last[1].image)

    def _save_look(self, path: Path) -> None:
        look = self._looks[self.state.look % len(self._looks)]
        replace(look, intensities=self.state.intensities).save(path)


def _path(end: str) -> Path:
    """A file of this moment in the working folder."""
    return Path(f"tryon-{strftime('%Y%m%d-%H%M%S')}-{end}")
