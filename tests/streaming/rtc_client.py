"""A browser made of aiortc alone: it sends one picture over and over and keeps what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

Answer = Callable[[str], Awaitable[str]]


class Camera(VideoStreamTrack):
    """Thirty frames a second of one picture."""

    def __init__(self, image: np.ndarray) -> None:
        super().__init__()
        self.image = image

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(self.image, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Client:
    """`async with Client(image, answer)`; `answer` carries the offer to the other side."""

    def __init__(self, image: np.ndarray, answer: Answer) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTrack(Camera(image))
        self.pc.on("track", self._on_track)
        self.frames = 0
        self._answer = answer
        self._newest: asyncio.Queue[VideoFrame] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Client:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        try:
            sdp = await self._answer(self.pc.localDescription.sdp)
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        except BaseException:
            await self.pc.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()
        for task in self._tasks:
            task.cancel()

    async def picture(self, after: int = 1) -> np.ndarray:
        """The picture that comes `after` frames from now, (H, W, 3) uint8 RGB."""
        while not self._newest.empty():
            self._newest.get_nowait()
        for _ in range(after):
            frame = await asyncio.wait_for(self._newest.get(), 120)
        return frame.to_ndarray(format="rgb24")

    async def until(self, good: Callable[[np.ndarray], bool], seconds: float = 120) -> np.ndarray:
        """The first picture that is as wanted; the encoder needs some frames to get sharp."""

        async def wait() -> np.ndarray:
            while True:
                image = await self.picture()
                if good(image):
                    return image

        return await asyncio.wait_for(wait(), seconds)

    def _on_track(self, track: VideoStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(self._read(track)))

    async def _read(self, track: VideoStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.frames += 1
                self._newest.put_nowait(frame)
