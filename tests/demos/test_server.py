"""The live demo end to end over its endpoints, with aiortc for a browser and the real session."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")
pytest.importorskip("fastapi", reason="needs fastapi: pip install 'tryon[demo]'")

from tests.conftest import parse_still
from tests.demos.live_server import change, png, run, serving
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.errors import SessionClosedError
from tryon.look.products import paint_face

CRIMSON = {"all": "crimson"}


def test_frames_come_back_made_up_and_the_sliders_act(face, spots):
    async def live():
        async with serving() as server:
            page = await server.open()
            await page.wear(CRIMSON)
            async with page.camera(face) as camera:
                lips = lambda image: change(image, face, spots["lips"])  # noqa: E731
                made = await camera.until(lambda i: lips(i) > 15)
                assert change(made, face, spots["wall"]) < 6
                await page.wear(CRIMSON, lips=0.0)
                bare = await camera.until(lambda i: lips(i) < 6)
                assert change(bare, face, spots["eyes"]) > change(bare, face, spots["wall"])
                await page.wear(CRIMSON, all=1.5)
                await camera.until(lambda i: lips(i) > lips(made))
                await page.wear({}, all=1.0)
                await camera.until(lambda i: lips(i) < 6)
                state = (await page.ask("GET")).json()
                assert state["live"]
                assert state["faces"] == 1
                assert state["fps"] > 0
                assert state["age"] > 0
                assert "fast" in state["backend"]

    run(live)


def test_makeup_comes_off_a_face_that_wears_it(face, spots):
    worn = face.copy()
    paint_face(worn, parse_still(face), MakeupStyle(lips=Lips(0.9, color="#8a1030")))

    def apart(image):
        lips = spots["lips"]
        return np.abs(image[lips].astype(float) - face[lips]).mean()

    async def live():
        async with serving() as server:
            page = await server.open()
            await page.wear({})
            async with page.camera(worn) as camera:
                made_up = apart(await camera.until(lambda i: True))
                await page.wear({"all": "off"})
                await camera.until(lambda i: apart(i) < made_up - 2)

    run(live)


def test_regions_come_from_different_looks(face, spots):
    async def live():
        async with serving() as server:
            page = await server.open()
            async with page.camera(face) as camera:
                for worn in ({"lips": "crimson"}, {"lips": "crimson", "eyes": "orchid"}):
                    assert (await page.wear(worn)).status_code == 200
                    eyes_too = "eyes" in worn

                    def as_worn(image, eyes_too=eyes_too):
                        lips, eyes = (change(image, face, spots[n]) for n in ("lips", "eyes"))
                        return lips > 15 and (eyes > 8) == eyes_too

                    image = await camera.until(as_worn)
                red, blue = image[spots["lips"]].mean((0, 1))[[0, 2]]
                assert red > blue + 40  # crimson's, not orchid's plum

    run(live)


def test_the_split_leaves_one_side_bare(face, spots):
    async def live():
        async with serving() as server:
            page = await server.open()
            await page.wear(CRIMSON, split=1.0)
            rows, columns = spots["lips"]
            middle = (columns.start + columns.stop) // 2
            left, right = (rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop))
            async with page.camera(face) as camera:
                await camera.until(lambda i: change(i, face, spots["lips"]) < 6)
                await page.wear(CRIMSON, split=middle / 640)
                await camera.until(
                    lambda i: change(i, face, right) > 15 > 8 > change(i, face, left)
                )

    run(live)


def test_two_pages_do_not_mix(face, spots):
    async def live():
        async with serving(people=2) as server:
            one, two = await server.open(), await server.open()
            photo = await one.upload(png(face))
            await one.wear(CRIMSON)
            await two.wear({})
            async with one.camera(face) as first, two.camera(face) as second:
                await first.until(lambda i: change(i, face, spots["lips"]) > 15)
                for _ in range(5):
                    image = await second.picture()
                assert change(image, face, spots["lips"]) < 8
                assert one.visit._session is not two.visit._session
                assert server.visits.live == 2
            # What one page added is not there for the other, even if it knew the name.
            stolen = await two.wear({"all": photo.json()["id"]})
            assert stolen.status_code == 404

    run(live)


def test_the_session_is_freed_when_the_browser_goes_without_a_word(face):
    async def live():
        async with serving() as server:
            page = await server.open()
            async with page.camera(face) as camera:
                await camera.picture()
                session = page.visit._session
            for _ in range(600):
                if not page.visit.live:
                    break
                await asyncio.sleep(0.1)
            assert server.visits.live == 0
            assert page.visit._session is None
            with pytest.raises(SessionClosedError):
                session.process(face)
            assert (await page.ask("GET")).json()["live"] is False  # the page may start again
            async with page.camera(face) as camera:
                await camera.picture()
                await page.ask("POST", "/leave")
                assert len(server.visits) == 0
                assert (await page.ask("GET")).status_code == 404

    run(live)
    left = [t.name for t in threading.enumerate() if t.name.startswith("tryon-peer")]
    assert left == []


def test_a_full_house_is_told_so_and_has_room_again_later(face):
    async def live():
        async with serving(people=1, pages=2) as server:
            one, two = await server.open(), await server.open()
            assert (await server.client().post("/live/visits")).status_code == 503
            async with one.camera(face) as camera:
                await camera.picture()
                refused = await two.ask("POST", "/offer", json={"sdp": "x"})
                assert refused.status_code == 503
                assert "try again when one has left" in refused.json()["error"]
            await one.ask("POST", "/leave")
            async with two.camera(face) as camera:
                await camera.picture()

    run(live)


def test_a_page_that_fell_silent_is_forgotten():
    async def live():
        async with serving(silence_s=0.4) as server:
            page = await server.open()
            for _ in range(100):
                if not len(server.visits):
                    break
                await asyncio.sleep(0.1)
            answer = await page.ask("GET")
            assert answer.status_code == 404
            assert "reload" in answer.json()["error"]

    run(live)
