"""The door: our own page comes in; other sites, made-up names and unused ways do not."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("httpx", reason="needs httpx: pip install 'tryon[demo]'")

import httpx

from demos.gradio_live.guard import LOOPBACK, Guard


async def inside(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(path="/", method="GET", hosts=LOOPBACK, base="http://127.0.0.1:7860", **headers):
    async def go():
        transport = httpx.ASGITransport(Guard(inside, hosts, "/live/"))
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(go())


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:7860", "http://localhost:7860", "http://[::1]:7860"]
)
def test_our_own_page_comes_in(base):
    assert ask(base=base, origin=base, method="POST", path="/live/visits").text == "inside"
    assert ask(base=base).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_pages_of_other_sites_do_not(origin):
    for method in ("GET", "POST", "PUT"):
        assert ask("/live/visits", method, origin=origin).status_code == 403


@pytest.mark.parametrize("name", ["evil.example:7860", "127.0.0.1.evil.example", "0.0.0.0", ""])
def test_names_that_were_made_to_point_here_do_not(name):
    assert ask(host=name).status_code == 421


def test_an_open_server_may_be_called_by_any_name_but_not_from_other_sites():
    base = "http://tablet.example:7860"
    assert ask(base=base, hosts=None).status_code == 200
    assert ask(base=base, hosts=None, origin="http://evil.example").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",  # writes to disk
        "/gradio_api/file=/etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/proxy=http://evil.example",
        "/gradio_api/queue/join",
        "/gradio_api/run/predict",
        "/gradio_api/vibe-edit/",
        "/gradio_api/process_recording",
        "/login",
        "/docs",
        "/assets/",
    ],
)
def test_ways_that_the_demo_does_not_use_are_shut(path):
    for method in ("GET", "POST"):
        assert ask(path, method).status_code == 404


def test_every_answer_tells_the_browser_to_fetch_nothing_from_outside():
    headers = ask().headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "microphone=()" in headers["permissions-policy"]


def test_closing_the_door_ends_what_is_under_way_and_nobody_comes_in_any_more():
    """Before the first word, in the middle of an answer, and for who comes after."""
    begun = asyncio.Event()

    async def slow(scope, receive, send):
        if scope["path"] == "/live/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        begun.set()
        await asyncio.sleep(60)

    async def go():
        door = Guard(slow, LOOPBACK, "/live/")
        transport = httpx.ASGITransport(door)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

            async def closed_on(path):
                begun.clear()
                asking = asyncio.ensure_future(client.get(path))
                await begun.wait()
                door.close()
                return await asyncio.wait_for(asking, 5)

            stream = await closed_on("/live/stream")
            after = await client.get("/live/painting")
            door._closed = False
            return stream, await closed_on("/live/painting"), after

    stream, painting, after = asyncio.run(go())
    assert (stream.status_code, stream.content) == (200, b"half")
    assert (painting.status_code, after.status_code) == (503, 503)


def test_a_request_that_is_cancelled_for_another_reason_is_not_answered():
    async def slow(scope, receive, send):
        await asyncio.sleep(60)

    async def go():
        told = []

        async def send(message):
            told.append(message)

        scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost")]}
        task = asyncio.ensure_future(Guard(slow, LOOPBACK, "/live/")(scope, None, send))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    assert asyncio.run(go()) == []
