"""Photos from strangers: what becomes a look, what is refused in which words, and where it goes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")
pytest.importorskip("fastapi", reason="needs fastapi: pip install 'tryon[demo]'")

from tests.demos.live_server import bomb, change, gallery, png, run, serving


def test_a_photo_becomes_a_look_that_is_worn(face, painted_portrait, spots):
    async def live():
        async with serving() as server:
            page = await server.open()
            answer = await page.upload(png(painted_portrait), name="ball%0A%20night")
            assert answer.status_code == 201
            assert answer.json()["name"] == "ball night"
            await page.wear({"lips": answer.json()["id"]})
            async with page.camera(face) as camera:
                await camera.until(lambda i: change(i, face, spots["lips"]) > 12)

    run(live)


@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        (lambda p: b"<html>not a picture</html>" * 9, 422, "not a picture"),
        (lambda p: png(p)[:3000], 422, "damaged"),
        (lambda p: bomb(), 422, "too many pixels"),
        (lambda p: bomb(6000), 422, "limit is 24 megapixels"),
        (lambda p: png(np.full((300, 300, 3), 128, np.uint8)), 422, "no face found"),
        (lambda p: png(np.hstack([p, p])), 422, "2 faces"),
        (lambda p: bytes(9 << 20), 413, "limit is 8 MB"),
        (lambda p: b"", 400, "choose a picture"),
    ],
    ids="html truncated bomb large wall pair heavy empty".split(),
)
def test_a_hostile_upload_is_refused_in_words(portrait, make, status, words):
    async def live():
        async with serving() as server:
            page = await server.open()
            answer = await page.upload(make(portrait))
            assert answer.status_code == status
            assert words in answer.json()["error"]
            assert "Traceback" not in answer.text
            assert page.visit._shelf == {}

    run(live)


def test_an_upload_that_lies_about_its_size_or_never_ends_is_cut_off():
    async def live():
        async with serving(upload_bytes=1000, upload_s=0.3) as server:
            page = await server.open()

            async def endless():
                while True:
                    yield b"x" * 600

            async def stuck():
                yield b"x"
                await asyncio.sleep(5)

            assert (await page.ask("POST", "/looks", content=endless())).status_code == 413
            assert (await page.ask("POST", "/looks", content=stuck())).status_code == 408

    run(live)


def test_fifty_uploads_at_once_are_bounded_and_the_rest_told_to_wait(portrait):
    async def live():
        async with serving(waiting=2) as server:
            page = await server.open()
            answers = await asyncio.gather(*(page.upload(png(portrait)) for _ in range(50)))
            codes = [answer.status_code for answer in answers]
            assert set(codes) == {201, 429}
            assert codes.count(201) == 2
            assert "few seconds" in answers[codes.index(429)].json()["error"]

    run(live)


def test_the_shelf_is_bounded(face):
    async def live():
        async with serving() as server:
            page = await server.open()
            for _ in range(12):
                page.visit.add_look(gallery().look("crimson"))
            answer = await page.upload(png(face))
            assert answer.status_code == 409
            assert "reload" in answer.json()["error"]

    run(live)


_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        path, _, flags = arguments
        if isinstance(flags, int) and flags & 0o3 and "__pycache__" not in str(path):
            _opened.append(str(path))


@contextmanager
def files_written() -> Iterator[list[str]]:
    """Every file that is opened for writing meanwhile (bytecode and kernel caches left out)."""
    global _opened
    if not getattr(files_written, "watching", False):
        sys.addaudithook(_watch)  # stays for the process; it does nothing outside this block
        files_written.watching = True
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


def test_nothing_is_written_to_disk(face, painted_portrait, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def live():
        async with serving() as server:
            page = await server.open()
            with files_written() as written:
                answer = await page.upload(png(painted_portrait) + bytes(4 << 20))
                await page.wear({"all": answer.json()["id"]})
                assert (await page.upload(b"junk")).status_code == 422
                async with page.camera(face) as camera:
                    await camera.picture(after=3)
                seen = list(written)
            # The face networks are unpacked for their runtime, and removed: nothing of a user's.
            known = (str(tmp_path / "tryon-"), "/dev/", "/proc/")
            return [name for name in seen if not name.startswith(known)]

    assert run(live) == []
    assert list(tmp_path.iterdir()) == []
    with files_written() as written:
        (tmp_path / "x").write_bytes(b"1")
    assert written, "the watch itself works"
