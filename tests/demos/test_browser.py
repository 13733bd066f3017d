"""The demo in a real Chromium without a screen, whose camera plays the built-in clip.

Everything that can be tested without a browser is in `test_server`; here the page itself is used:
its buttons, Gradio's sliders, an upload, two windows.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("gradio", reason="needs gradio: pip install 'tryon[demo]'")
pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")
pytest.importorskip("playwright", reason="needs playwright: pip install playwright")

from demos.gradio_live.fake_camera import NoBrowserError, chromium, write_clip
from demos.gradio_live.measure import frame_ages, server, start_camera

PATIENCE_S = 90  # the machine may be busy

# A frame of the live view as it came, not mirrored, as PNG in base64.
GRAB = """() => {
  const video = document.getElementById("view"), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    clip = tmp_path_factory.mktemp("camera") / "clip.y4m"
    try:
        with chromium(clip) as running:
            write_clip(clip)
            yield running
    except NoBrowserError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def address(browser):
    with server("--people", "2", "--threads", "1") as url:
        yield url


@pytest.fixture
def window(browser):
    """`window()` opens one with a profile of its own; all are closed at the end."""
    opened = []

    def make(width: int = 1280, height: int = 800):
        context = browser.new_context(viewport={"width": width, "height": height})
        opened.append(context)
        page = context.new_page()
        page.faults = []
        page.asked = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        return page

    yield make
    for context in opened:
        context.close()


def grab(page) -> np.ndarray:
    from base64 import b64decode

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(b64decode(page.evaluate(GRAB)))).convert("RGB"))


@pytest.fixture(scope="module")
def parser():
    from tryon.face.parse_fast import FastParser

    parser = FastParser()
    yield parser
    parser.close()


@pytest.fixture
def redness(parser) -> Callable[[object], float]:
    """How much redder the upper lip is than the cheeks in what the page shows."""

    def measure(page) -> float:
        image = grab(page).astype(float)
        faces = parser.detect(grab(page).copy())
        if not faces:
            return float("nan")
        points = faces[0].landmarks[:, :2]

        def colour(*indices: int) -> np.ndarray:
            x, y = points[[*indices]].mean(0)
            patch = image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
            return patch.mean((0, 1))

        lip, cheek = colour(0, 13), colour(50, 280)
        return float((lip[0] - lip[1]) - (cheek[0] - cheek[1]))

    return measure


def until(good: Callable[[], bool], what: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not good():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        time.sleep(0.3)


def status(page) -> tuple[str, ...]:
    """What the page says of itself."""
    phase = page.get_attribute("#stage", "data-phase")
    return str(phase), page.inner_text("#note"), page.inner_text("#meter")


def slide(page, label: str, value: float) -> None:
    page.locator(f"#{label} input[type=range]").fill(str(value))


def test_frames_are_made_up_and_the_controls_act(window, address, redness):
    page = window()
    start_camera(page, address)
    until(lambda: redness(page) > 60, "crimson lips are worn from the start")
    slide(page, "at-lips", 0)
    until(lambda: redness(page) < 50, "the lips' slider takes the lipstick away")
    slide(page, "at-lips", 1.5)
    until(lambda: redness(page) > 70, "and puts more of it on")
    page.keyboard.down(" ")
    until(lambda: redness(page) < 50, "space shows the bare face")
    page.keyboard.up(" ")
    until(lambda: redness(page) > 60, "as long as it is held")
    page.click('[data-region="lips"]')
    page.click('[data-look=""]')
    until(lambda: redness(page) < 50, "bare lips under the same look")
    page.click("role=tab[name='My colours']")
    slide(page, "cover-lipstick", 1)
    until(lambda: redness(page) > 60, "own colours go on where they cover")
    until(lambda: "fps" in page.inner_text("#meter"), "the figures are shown")
    assert float(page.get_attribute("#meter", "data-age")) > 0
    assert page.faults == []
    assert all(url.startswith((address, "data:", "blob:")) for url in page.asked), page.asked


def test_two_windows_do_not_mix_and_a_closed_one_makes_room(window, address, redness):
    one, two, three = window(), window(390, 844), window()
    for page in (one, two):
        start_camera(page, address)
    slide(two, "at-all", 0)
    until(lambda: redness(two) < 50 and redness(one) > 60, "each wears its own")
    three.goto(address)
    three.wait_for_selector("#strip button", timeout=PATIENCE_S * 1000)
    three.click("#start")
    until(
        lambda: "no place" in three.inner_text("#note"),
        lambda: f"a third is told to wait, not {[status(p) for p in (one, two, three)]}",
    )
    one.close()

    def comes_in() -> bool:
        if three.get_attribute("#stage", "data-phase") == "off":
            three.click("#start")
        return three.get_attribute("#stage", "data-phase") == "on"

    until(comes_in, "and let in when one has left")


def test_an_upload_is_worn_and_a_hostile_one_refused_in_words(
    window, address, redness, painted_portrait
):
    from PIL import Image

    page = window()
    page.goto(address)
    page.wait_for_selector("#strip button", timeout=PATIENCE_S * 1000)
    photo = io.BytesIO()
    Image.fromarray(painted_portrait).save(photo, "PNG")

    def upload(name: str, data: bytes) -> None:
        file = {"name": name, "mimeType": "image/png", "buffer": data}
        page.set_input_files("#file", file)

    upload("junk.png", b"<script>alert(1)</script>")
    until(lambda: "not a picture" in page.inner_text("#note"), "junk is refused")
    wall = io.BytesIO()
    Image.new("RGB", (400, 300), "grey").save(wall, "PNG")
    upload("wall.png", wall.getvalue())
    until(lambda: "No face found" in page.inner_text("#note"), "a wall is refused")
    upload("red & blue.png", photo.getvalue())
    page.wait_for_selector('#strip [aria-selected="true"] >> text="red & blue"', timeout=90_000)
    page.click("#start")
    page.wait_for_selector('#stage[data-phase="on"]', timeout=90_000)
    until(lambda: redness(page) > 60, "the photo's lips are worn")
    assert page.faults == []


def test_ages_are_matched_by_number_and_not_across_loops():
    sent = [(0, 1), (33, 2), (66, 3), (5000, 1)]
    shown = [(70, 1), (100, -1), (130, 3), (5050, 1), (9000, 2)]
    assert frame_ages(sent, shown) == [70, 64, 50]
