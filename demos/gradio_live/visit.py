"""One open page: the looks on its shelf, what it wears, and its live session while there is one.

A visit shares nothing with another but the gallery, and keeps nothing once it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from time import monotonic
from typing import Any

from tryon import REGIONS, Frame, Look, SessionConfig, TryOnResult, TryOnSession
from tryon.streaming.webrtc import RtcConfig, RtcPeer
from tryon.types import MAX_INTENSITY

from .gallery import Gallery
from .refused import RefusedError

SHELF = 12  # looks that one page may add
PRODUCTS = "products"  # id of the look made of the page's own colours


@dataclass(frozen=True, slots=True)
class Wear:
    """What a page wears: look ids by region or `all`, intensities, and the comparison."""

    looks: Mapping[str, str] = field(default_factory=dict)
    intensities: Mapping[str, float] = field(default_factory=dict)
    split: float = 0.0  # share of the picture, from the left, that stays bare

    @classmethod
    def from_json(cls, data: Any) -> Wear:
        """Check what a page sent.

        Raises:
            RefusedError: it is not of the form above.
        """

        def number(value: Any, high: float) -> float:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError("a number is missing")
            if not 0 <= value <= high:  # also catches NaN
                raise ValueError(f"{value} is not within 0 and {high:g}")
            return float(value)

        def region(name: str) -> str:
            if name not in (*REGIONS, "all"):
                raise ValueError(f"no region {name[:40]!r}")
            return name

        try:
            return cls(
                {region(k): str(v) for k, v in data.get("looks", {}).items() if v},
                {region(k): number(v, MAX_INTENSITY) for k, v in data["intensities"].items()},
                number(data.get("split", 0.0), 1.0),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RefusedError(
                400, f"the page sent settings that cannot be used ({error})"
            ) from None


class Visit:
    """One open page; used on the event loop, except for `process`.

    Args:
        gallery: looks that every page may wear.
        session: settings of the live session.
        rtc: limits of the connection.
    """

    def __init__(self, gallery: Gallery, session: SessionConfig, rtc: RtcConfig) -> None:
        self.token = token_urlsafe(24)
        self.seen = monotonic()
        self.wear = Wear()
        self.error = ""
        self.faces = 0
        self.peer: RtcPeer | None = None
        self._gallery, self._shelf = gallery, dict[str, Look]()
        self._config, self._rtc = session, rtc
        self._session: TryOnSession | None = None
        self._ending: asyncio.Task[None] | None = None
        self._changes = asyncio.Lock()  # one change of clothes at a time, in order

    @property
    def live(self) -> bool:
        """Whether it holds a live session."""
        return self.peer is not None

    @property
    def backend(self) -> str:
        """What runs its session, "" when there is none."""
        return self._session.backend if self._session else ""

    def check_room(self) -> None:
        """Refuse when the shelf is full."""
        if len(self._shelf) >= SHELF:
            raise RefusedError(
                409, f"this page has {SHELF} looks already; reload it to start afresh"
            )

    def add_look(self, look: Look) -> str:
        """Put a look on the shelf; returns its id."""
        self.check_room()
        name = token_urlsafe(9)
        self._shelf[name] = look
        return name

    async def set_products(self, look: Look) -> None:
        """Replace the look of the page's own colours, also where it is being worn."""
        self._shelf[PRODUCTS] = look
        if PRODUCTS in self.wear.looks.values():
            await self.put_on(self.wear)

    async def put_on(self, wear: Wear) -> None:
        """Wear something else from the next frame on.

        Raises:
            RefusedError: it names a look that is not there.
        """
        async with self._changes:
            dressed = await asyncio.to_thread(self._outfit, wear)
            if self._session is not None:
                await asyncio.to_thread(self._session.set_look, dressed)
            self.wear = wear

    async def start(self, offer: str) -> str:
        """Open a session for the browser's camera; returns the SDP of the answer."""
        await self.stop()
        async with self._changes:
            self.error = ""
            self.peer = RtcPeer(self.process, self._rtc)
            try:
                look = await asyncio.to_thread(self._outfit, self.wear)
                self._session = await asyncio.to_thread(TryOnSession, look, self._config)
                answer: str = await self.peer.answer(offer)
            except BaseException:
                await self._free()
                raise
            self._ending = asyncio.create_task(self._end_with(self.peer))
            return answer

    async def stop(self) -> None:
        """End the live session, if there is one, and free it."""
        if self.peer is not None:
            await self.peer.close()
        if self._ending is not None:
            await self._ending

    def process(self, frame: Frame) -> TryOnResult:
        """Made-up frame, bare left of the split; called on the connection's thread."""
        session = self._session
        if session is None:
            return TryOnResult(frame.image)
        result = session.process(frame)
        self.faces = len(result.faces)
        cut = round(self.wear.split * frame.image.shape[1])
        if not cut or result.image is frame.image:
            return result
        image = result.image.copy()
        image[:, :cut] = frame.image[:, :cut]
        return TryOnResult(image, result.faces, result.timings, result.backend)

    def _outfit(self, wear: Wear) -> Look | None:
        """The looks of the regions as one look with its intensities; None for a bare face."""
        parts = {region: self._look(name) for region, name in wear.looks.items()}
        if not parts:
            return None
        look = Look.mix(parts)
        for region, own in zip(REGIONS, look.intensities, strict=True):
            wanted = own * wear.intensities.get(region, wear.intensities.get("all", 1.0))
            look = look.with_intensity(region, min(MAX_INTENSITY, wanted))
        return look

    def _look(self, name: str) -> Look:
        look = self._shelf.get(name) or self._gallery.look(name)
        if look is None:
            raise RefusedError(404, "that look is not here any more; choose another")
        return look

    async def _end_with(self, peer: RtcPeer) -> None:
        """Free the session when the connection ends, whoever ended it."""
        await peer.wait_closed()
        self.error = str(peer.error or "")
        await self._free()

    async def _free(self) -> None:
        peer, session, self.peer, self._session = self.peer, self._session, None, None
        if peer is not None:
            await peer.close()
        if session is not None:
            await asyncio.to_thread(session.close)
