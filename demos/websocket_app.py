"""A page of your own in one file: `python -m demos.websocket_app`, then open what it prints.

Each browser gets a `TryOnSession`. It sends one JPEG at a time and the next one only when the
made-up one is back, so that nothing ever queues, however slow the machine.
"""

import asyncio
import io
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tryon import Look, TryOnError, TryOnSession

LOOK = Look.load(Path(__file__).parent / "looks" / "crimson.look")
LIMIT = 1 << 20  # bytes of one frame
HOSTS = ("127.0.0.1:8000", "localhost:8000")
PAGE = """<!doctype html><meta charset="utf-8"><title>tryon</title>
<style>body { margin: 0; background: #171214 } img { width: 100vw; height: 100vh;
  object-fit: contain; transform: scaleX(-1) }</style>
<img id="out" alt="your camera, made up"><p id="words" style="color: #fff"></p>
<script type="module">
  const video = document.createElement("video"), canvas = document.createElement("canvas");
  const wanted = { video: { width: 640, height: 480 } };
  video.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
  await video.play();
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const socket = new WebSocket(location.href.replace("http", "ws") + "live");
  const send = () => {
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((frame) => socket.send(frame), "image/jpeg", 0.9);
  };
  socket.onopen = send;
  socket.onmessage = ({ data }) => {
    URL.revokeObjectURL(out.src);
    out.src = URL.createObjectURL(data);
    send();
  };
  socket.onclose = ({ reason }) => { words.textContent = reason || "the server has gone"; };
</script>"""


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def live(socket: WebSocket) -> None:
    if socket.headers.get("origin", "").partition("://")[2] not in HOSTS:
        await socket.close(1008)  # another site's page
        return
    await socket.accept()
    with await asyncio.to_thread(TryOnSession, LOOK) as session:
        try:
            while True:
                frame = await socket.receive_bytes()
                await socket.send_bytes(await asyncio.to_thread(wear, session, frame))
        except WebSocketDisconnect:
            pass
        except (TryOnError, OSError, ValueError, KeyError) as error:  # no picture, or no bytes
            await socket.close(1003, str(error)[:100])


def wear(session: TryOnSession, data: bytes) -> bytes:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        if picture.width * picture.height > 1920 * 1080:
            raise ValueError("the frame is too large")
        made = session.process(np.asarray(picture.convert("RGB"))).image
    buffer = io.BytesIO()
    Image.fromarray(made).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


app = Starlette(routes=[Route("/", page), WebSocketRoute("/live", live)])

if __name__ == "__main__":
    print("open http://127.0.0.1:8000/")
    uvicorn.run(app, host="127.0.0.1", port=8000, ws_max_size=LIMIT, log_level="warning")
