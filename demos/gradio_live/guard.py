"""The door of the server: who may ask, for what, and what the page may reach.

A server on this machine can be called by any web page that is open in a browser here; the door
lets in what comes from our own page only, and shuts the ways in that the demo does not use.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# What the page needs of Gradio. Left out on purpose: its upload, which writes files to disk, its
# file and proxy routes, its queue and its API, none of which the demo uses.
_GRADIO = re.compile(
    r"/(|config|theme\.css|robots\.txt|favicon\.ico|manifest\.json"
    r"|gradio_api/(info|startup-events|heartbeat/[\w-]+|app_id|theme\.css)"
    r"|(assets|static|svelte)/.+)"
)
_PAGE_MAY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio builds templates at run time
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'self'",
    )
)
HEADERS = {
    "content-security-policy": _PAGE_MAY,  # nothing is fetched from outside
    "permissions-policy": "camera=(self), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Wraps an ASGI application.

    Args:
        app: what is behind the door.
        hosts: names by which the server may be called; None for any.
        own: paths of our own begin so.
    """

    def __init__(self, app: App, hosts: frozenset[str] | None, own: str) -> None:
        self._app, self._hosts, self._own = app, hosts, own
        self._inside: set[asyncio.Task[None] | None] = set()
        self._closed = False

    def close(self) -> None:
        """Send everybody away: what is being done for them is given up, and nobody comes in."""
        self._closed = True
        for task in self._inside:
            if task is not None:
                task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it at the door."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        status = 503 if self._closed else self._refused(scope)
        if status and scope["type"] == "http":
            return await _answer(send, status, b"not for you\n")
        if status:
            return await send({"type": "websocket.close", "code": 1008})
        sent: dict[str, bool] = {}  # kind of message -> more of it is to come

        async def send_on(message: MutableMapping[str, Any]) -> None:
            sent[message["type"]] = message.get("more_body", False)
            if message["type"] == "http.response.start":
                own = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        task = asyncio.current_task()
        self._inside.add(task)
        try:
            await self._app(scope, receive, send_on)
        except asyncio.CancelledError:
            if not self._closed or scope["type"] != "http":
                raise
            if "http.response.start" not in sent:
                await _answer(send, 503, b"the demo has ended\n")
            elif sent.get("http.response.body", True):
                await send({"type": "http.response.body"})
        finally:
            self._inside.discard(task)

    def _refused(self, scope: Scope) -> int:
        """HTTP status of the refusal, 0 for none."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in self._hosts:
            return 421  # a name that was made to point here
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403  # another site's page
        path = scope["path"]
        if not (path.startswith(self._own) or _GRADIO.fullmatch(path)):
            return 404
        return 0


async def _answer(send: Send, status: int, words: bytes) -> None:
    head = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": words})
