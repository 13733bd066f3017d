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
