"""All open pages: who may come in, who may go live, and who has left without a word.

Every number here bounds memory or work, so that no visitor can take the demo from another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from tryon import SessionConfig
from tryon.streaming.webrtc import RtcConfig

from .gallery import Gallery
from .refused import RefusedError
from .visit import Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the demo gives away."""

    pages: int = 32  # open at once
    people: int = 2  # live at once
    upload_bytes: int = 8 << 20
    upload_pixels: int = 24_000_000
    upload_s: float = 60.0  # to send a picture, and again to wait for its makeup to be read
    waiting: int = 4  # pictures being read or waiting for it
    silence_s: float = 90.0  # a page that says nothing for so long has left
    session: SessionConfig = field(default_factory=SessionConfig)
    rtc: RtcConfig = field(default_factory=RtcConfig)


class Visits:
    """The open pages, by their secret.

    Args:
        gallery: looks that every page may wear.
        limits: how much is given away.
    """

    def __init__(self, gallery: Gallery, limits: Limits) -> None:
        self.gallery, self.limits = gallery, limits
        self._visits: dict[str, Visit] = {}
        self._going_live = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._waiting = 0

    @property
    def live(self) -> int:
        """How many people are live."""
        return sum(visit.live for visit in self._visits.values())

    def __len__(self) -> int:
        return len(self._visits)

    def open(self) -> Visit:
        """A new page.

        Raises:
            RefusedError: there are too many.
        """
        if len(self) >= self.limits.pages:
            raise RefusedError(503, "too many pages are open; try again in a minute")
        visit = Visit(self.gallery, self.limits.session, self.limits.rtc)
        self._visits[visit.token] = visit
        return visit

    def get(self, token: str) -> Visit:
        """The page of a secret.

        Raises:
            RefusedError: there is none (any more).
        """
        visit = self._visits.get(token)
        if visit is None:
            raise RefusedError(404, "this page was left alone for too long; reload it")
        visit.seen = monotonic()
        return visit

    async def start(self, visit: Visit, offer: str) -> str:
        """Let a page go live; returns the SDP of the answer.

        Raises:
            RefusedError: every place is taken.
            TryOnError: the session or the connection cannot be opened.
        """
        async with self._going_live:
            if not visit.live and self.live >= self.limits.people:
                raise RefusedError(
                    503,
                    f"{self.live} people are using the demo and there is no place for more; "
                    "try again when one has left",
                )
            return await visit.start(offer)

    async def leave(self, token: str) -> None:
        """Forget a page and all it had; harmless twice."""
        visit = self._visits.pop(token, None)
        if visit is not None:
            await visit.stop()

    async def read(self, work: Callable[[], T]) -> T:
        """Run what is heavy on a thread, one after another, for at most `upload_s`.

        Raises:
            RefusedError: too many wait already, or it took too long.
        """
        if self._waiting >= self.limits.waiting:
            raise RefusedError(429, "others are adding looks too; try again in a few seconds")
        self._waiting += 1
        # Shielded: a thread cannot be stopped, and the next one starts only when it has ended.
        task = asyncio.ensure_future(self._read(work))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if late
        try:
            return await asyncio.wait_for(asyncio.shield(task), self.limits.upload_s)
        except asyncio.TimeoutError:
            raise RefusedError(503, "that took too long; try a smaller picture") from None

    async def _read(self, work: Callable[[], T]) -> T:
        try:
            async with self._reading:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    async def sweep(self) -> None:
        """Leave for those who went without a word, for ever."""
        while True:
            await asyncio.sleep(min(5.0, self.limits.silence_s / 4))
            oldest = monotonic() - self.limits.silence_s
            for token in [t for t, visit in self._visits.items() if visit.seen < oldest]:
                await self.leave(token)

    async def close(self) -> None:
        """Leave for everybody."""
        for token in list(self._visits):
            await self.leave(token)
