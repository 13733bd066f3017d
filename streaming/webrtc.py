"""One browser over WebRTC: its camera's frames in, made-up frames back, always the newest.

It knows no page and no makeup, never queues a frame, and asks no server on the internet for its
address: both sides use the addresses of their own machine unless the caller names others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic_ns
from typing import Any

from tryon.errors import ConfigError, MediaError, MissingExtraError
from tryon.streaming.rtc_tuning import give_frames_at_once, set_encoder_rates
from tryon.streaming.sdp import with_rates, without_names
from tryon.streaming.slot import Slot, SlotClosedError
from tryon.streaming.stats import LiveStats
from tryon.types import Frame, StageTimings, TryOnResult

Compute = Callable[[Frame], TryOnResult]


@dataclass(frozen=True, slots=True)
class RtcConfig:
    """Limits of a connection."""

    ice_servers: tuple[str, ...] = ()  # stun: or turn: addresses; none by default
    max_pixels: int = 1920 * 1088  # of a frame
    stall_s: float = 20.0  # without a frame for so long, the browser is gone
    kbit: tuple[int, int, int] = (600, 2500, 6000)  # lowest, first and highest rate, each way

    def __post_init__(self) -> None:
        low, first, high = self.kbit
        if not 0 < low <= first <= high:
            raise ConfigError(f"RtcConfig.kbit is {self.kbit}; give lowest <= first <= highest")


class RtcPeer:
    """A browser that sends its camera and is shown what `compute` makes of it.

    Made and used on an event loop; `compute` runs on a thread of its own. Another frame is taken
    up as soon as the last one is done; those that came meanwhile are dropped and counted.

    Attributes:
        stats: Rate, age and drops so far; the age is from a frame's arrival here to its encoder.
        error: Why the connection ended, if it did not end as it should.
    """

    def __init__(self, compute: Compute, config: RtcConfig | None = None) -> None:
        """Open nothing yet; called on the event loop that will carry the connection.

        Args:
            compute: Frame to result.
            config: Limits.

        Raises:
            MissingExtraError: aiortc is not installed.
        """
        rtc = _aiortc()
        self.config = config or RtcConfig()
        self.stats = LiveStats()
        self.error: Exception | None = None
        self._compute = compute
        self._loop = asyncio.get_running_loop()
        self._inbox: Slot[tuple[int, Any]] = Slot()  # ns of arrival, picture as it came
        self._outbox: Slot[_Made] = Slot()
        self._worker = Thread(target=self._work, name="tryon-peer", daemon=True)
        self._reader: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        servers = [rtc.RTCIceServer(urls=url) for url in self.config.ice_servers]
        # An empty list is given on purpose: without one, aiortc asks a public server.
        self._pc = rtc.RTCPeerConnection(rtc.RTCConfiguration(iceServers=servers))
        self._pc.on("track", self._on_track)
        self._pc.on("connectionstatechange", self._on_state)

    async def answer(self, offer: str) -> str:
        """Answer the browser's offer; frames flow from then on.

        Args:
            offer: SDP with one video track.

        Returns:
            SDP of the answer, candidates included.

        Raises:
            MediaError: The offer cannot be used.
        """
        rtc = _aiortc()
        set_encoder_rates(self.config.kbit)
        try:
            description = rtc.RTCSessionDescription(without_names(offer), "offer")
            await self._pc.setRemoteDescription(description)
            if self._reader is None:
                raise ValueError("it has no video")
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as error:  # the text is a stranger's: parsers raise nearly anything
            await self.close()
            raise MediaError(f"the browser's offer cannot be used ({error}); reload it") from None
        self._worker.start()
        made: str = self._pc.localDescription.sdp
        answer: str = with_rates(made, self.config.kbit)
        return answer

    async def close(self) -> None:
        """End the connection and free everything; harmless twice."""
        await asyncio.shield(self._end())

    async def wait_closed(self) -> None:
        """Return when the connection has ended and all is freed, whoever ended it."""
        await self._gone.wait()

    def _end(self, error: Exception | None = None) -> asyncio.Task[None]:
        """Start closing, once; the first error given wins."""
        self.error = self.error or error
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        return self._closing

    async def _close(self) -> None:
        self._inbox.close()
        self._outbox.close()
        if self._reader is not None:
            self._reader.cancel()
        with suppress(Exception):  # whatever a half-open connection says while it goes
            await self._pc.close()
        if self._worker.ident is not None:
            await asyncio.to_thread(self._worker.join)
        self._gone.set()

    def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._end()

    def _on_track(self, track: Any) -> None:
        if track.kind == "video" and self._reader is None:
            for receiver in self._pc.getReceivers():
                if receiver.track is track:
                    give_frames_at_once(receiver)
            self._pc.addTrack(_outgoing(self._outbox, self.stats))
            self._reader = self._loop.create_task(self._read(track))

    async def _read(self, track: Any) -> None:
        """Browser -> slot. The track queues, so it is emptied as fast as frames come."""
        try:
            while True:
                picture = await asyncio.wait_for(track.recv(), self.config.stall_s)
                if picture.width * picture.height > self.config.max_pixels:
                    self._end(MediaError("the camera's frames are too large; use 1280x720"))
                    return
                self._inbox.put((monotonic_ns(), picture))
        except asyncio.TimeoutError:
            self._end(MediaError("no frame came from the browser any more; start again"))
        except Exception:  # the track has ended, or the slot was closed
            self._end()

    def _work(self) -> None:
        """Body of the worker thread: slot -> compute -> slot."""
        from av import VideoFrame

        index, error = 0, None
        try:
            while True:
                arrived, picture = self._inbox.get()
                image = picture.to_ndarray(format="rgb24")
                result = self._compute(Frame(image, index, None, arrived))
                made = VideoFrame.from_ndarray(result.image, format="rgb24")
                made.pts, made.time_base = picture.pts, picture.time_base
                self.stats.drops = self._inbox.drops
                self._outbox.put(_Made(made, arrived, result.timings))
                index += 1
        except SlotClosedError:
            pass
        except Exception as caught:
            error = caught
        with suppress(RuntimeError):  # the loop may be gone by now
            self._loop.call_soon_threadsafe(self._end, error)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A result on its way to the encoder."""

    picture: Any  # av.VideoFrame with the time stamps of the frame it was made from
    arrived: int  # ns, of that frame
    timings: StageTimings


def _outgoing(outbox: Slot[_Made], stats: LiveStats) -> Any:
    """The track whose frames the encoder asks for, one at a time."""

    class Outgoing(_aiortc().MediaStreamTrack):  # type: ignore[misc]  # aiortc loads late
        kind = "video"

        def __init__(self) -> None:
            super().__init__()
            # A thread of its own: it waits, and must not keep the shared ones from encoding.
            self._pool = ThreadPoolExecutor(1, "tryon-peer-out")

        async def recv(self) -> Any:
            loop = asyncio.get_running_loop()
            try:
                made = await loop.run_in_executor(self._pool, outbox.get)
            except SlotClosedError:
                self.stop()
                raise _aiortc().mediastreams.MediaStreamError from None
            stats.record(made.timings, (monotonic_ns() - made.arrived) / 1e6)
            return made.picture

        def stop(self) -> None:
            super().stop()
            self._pool.shutdown(wait=False)

    return Outgoing()


def _aiortc() -> Any:
    try:
        import aiortc
    except ImportError as error:
        raise MissingExtraError(
            f"the browser demo needs aiortc ({error}): pip install 'tryon[demo]'"
        ) from None
    return aiortc
