"""What a page may ask for besides looks: own colours and intensities, checked before they act."""

from __future__ import annotations

import pytest

pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")
pytest.importorskip("fastapi", reason="needs fastapi: pip install 'tryon[demo]'")

from tests.demos.live_server import run, serving

CRIMSON = {"all": "crimson"}


def test_own_colours_are_painted_and_worn(face, spots):
    async def live():
        async with serving(upload_s=300) as server:
            page = await server.open()
            style = {"lips": {"opacity": 1.0, "color": "#1030c0", "finish": "matte"}}
            answer = await page.ask("PUT", "/products", json=style)
            assert answer.status_code == 200, answer.text
            await page.wear({"lips": answer.json()["id"]})

            def blue(image):
                red, _, colour = image[spots["lips"]].mean((0, 1))
                return colour - red

            async with page.camera(face) as camera:
                await camera.until(lambda i: blue(i) > blue(face) + 30)
                style["lips"]["color"] = "#c01010"  # worn already: changes at once
                await page.ask("PUT", "/products", json=style)
                await camera.until(lambda i: blue(i) < 0)

    run(live)


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ({"lips": {"opacity": 7}}, "opacity"),
        ({"lips": {"color": "red'); DROP"}}, "color"),
        ({"lips": {"finish": "holographic"}}, "finish"),
        ({"path": "/etc/passwd"}, "path"),
        ([], "JSON object"),
    ],
)
def test_impossible_colours_are_refused_in_words(style, words):
    async def live():
        async with serving() as server:
            page = await server.open()
            answer = await page.ask("PUT", "/products", json=style)
            assert answer.status_code in (400, 422)
            assert words in answer.json()["error"]

    run(live)


@pytest.mark.parametrize(
    "sent",
    [
        {"looks": {"all": "/etc/passwd"}, "intensities": {}},
        {"looks": {"hair": "crimson"}, "intensities": {}},
        {"looks": {}, "intensities": {"lips": 9}},
        {"looks": {}, "intensities": {"lips": "1"}},
        {"looks": {}, "intensities": {}, "split": -1},
        {"looks": []},
        {},
        "text",
    ],
)
def test_settings_that_make_no_sense_change_nothing(sent):
    async def live():
        async with serving() as server:
            page = await server.open()
            await page.wear(CRIMSON, lips=0.5)
            before = page.visit.wear
            answer = await page.ask("PUT", "/wear", json=sent)
            assert answer.status_code in (400, 404)
            assert answer.json()["error"]
            assert page.visit.wear is before

    run(live)
