"""The demo's endpoints without a socket for HTTP: requests go straight into the application."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
import numpy as np

from demos.gradio_live.gallery import Gallery, load_gallery
from demos.gradio_live.server import build_api
from demos.gradio_live.visits import Limits, Visits
from tests.conftest import difference
from tests.streaming.rtc_client import Client
from tryon import SessionConfig


@cache
def gallery() -> Gallery:
    return load_gallery()


class Page:
    """What the script in the browser does, without a browser."""

    def __init__(self, http: httpx.AsyncClient, visits: Visits, token: str) -> None:
        self.http, self.token = http, token
        self.visit = visits.get(token)

    async def ask(self, method: str, path: str = "", **body: Any) -> httpx.Response:
        return await self.http.request(method, f"/live/visits/{self.token}{path}", **body)

    async def wear(self, looks: dict[str, str], **intensities: float) -> httpx.Response:
        split = intensities.pop("split", 0.0)
        wanted = {"looks": looks, "intensities": intensities, "split": split}
        return await self.ask("PUT", "/wear", json=wanted)

    async def upload(self, data: bytes, name: str = "me") -> httpx.Response:
        return await self.ask("POST", f"/looks?name={name}", content=data)

    async def answer(self, offer: str) -> str:
        response = await self.ask("POST", "/offer", json={"sdp": offer})
        assert response.status_code == 200, response.text
        return str(response.json()["sdp"])

    def camera(self, image: np.ndarray) -> Client:
        return Client(image, self.answer)


class Server:
    """The application and those who visit it."""

    def __init__(self, limits: Limits) -> None:
        app = build_api(gallery(), limits)
        self.visits: Visits = app.state.visits
        self._transport = httpx.ASGITransport(app)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport, base_url="http://127.0.0.1", timeout=300
        )

    async def open(self) -> Page:
        http = self.client()
        response = await http.post("/live/visits")
        response.raise_for_status()
        return Page(http, self.visits, response.json()["visit"])


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Server]:
    limits.setdefault("session", SessionConfig(threads=1))
    server = Server(Limits(**limits))
    sweeping = asyncio.ensure_future(server.visits.sweep())
    try:
        yield server
    finally:
        sweeping.cancel()
        await server.visits.close()


def png(image: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def change(image: np.ndarray, face: np.ndarray, spot: tuple[slice, slice]) -> float:
    """Mean change of a part of the picture, in levels; the video codec alone makes about 2."""
    return float(difference(image[spot], face[spot]).mean())


def run(test: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(test())


def bomb(side: int = 60_000) -> bytes:
    """A small PNG whose header claims `side` x `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 4096))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")
