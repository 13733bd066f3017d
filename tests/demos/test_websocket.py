"""The one-file WebSocket example: a frame goes in, the same frame comes back made up."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("httpx", reason="needs httpx: pip install 'tryon[demo]'")
pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'tryon[demo]'")

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from demos.websocket_app import app
from tests.conftest import difference, parse_still
from tryon.streaming.demo_clip import DemoClip

HERE = {"origin": "http://127.0.0.1:8000"}


@pytest.fixture(scope="module")
def client():
    with TestClient(app) as client:
        yield client


def jpeg(image) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_the_page_asks_for_nothing_from_outside(client):
    text = client.get("/").text
    assert "getUserMedia" in text
    assert "://" not in text


def test_frames_come_back_made_up(client):
    from PIL import Image

    face = DemoClip(640, 480).frame(0).image
    x, y = parse_still(face).landmarks[[0, 13], :2].mean(0).astype(int)
    with client.websocket_connect("/live", headers=HERE) as socket:
        for _ in range(8):  # makeup fades in
            socket.send_bytes(jpeg(face))
            made = np.asarray(Image.open(io.BytesIO(socket.receive_bytes())))
    assert made.shape == face.shape
    change = difference(made, face)
    assert change[y - 2 : y + 3, x - 2 : x + 3].mean() > 20
    assert change[:60, :120].mean() < 5


@pytest.mark.parametrize("sent", [b"", b"junk", jpeg(np.zeros((1200, 2000, 3), np.uint8))])
def test_what_is_no_frame_ends_the_connection_in_words(client, sent):
    with client.websocket_connect("/live", headers=HERE) as socket:
        socket.send_bytes(sent)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == 1003
    assert closed.value.reason


def test_other_sites_are_turned_away(client):
    for headers in ({}, {"origin": "http://evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/live", headers=headers),
        ):
            pass
