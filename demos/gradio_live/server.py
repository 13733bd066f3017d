"""HTTP in, visits and pictures inside: the endpoints that the page calls.

Uploads are read from the request into memory and never become files; every answer is JSON, every
refusal a sentence for the person at the page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from math import isfinite
from typing import Any

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from tryon import Look, TryOnError, TryOnSession
from tryon.look.photo import read_photo

from .gallery import ASSETS, Gallery
from .products import product_look
from .refused import RefusedError
from .visit import PRODUCTS, Wear
from .visits import Limits, Visits

OWN = "/live/"  # every path of ours begins so
MAX_JSON = 64 << 10
MAX_SHOWN = 40  # characters of a look's name

Handler = Callable[[Visits, Request], Awaitable[Response]]


def build_api(gallery: Gallery, limits: Limits) -> FastAPI:
    """The server without its page.

    Args:
        gallery: looks to choose from.
        limits: how much is given away.
    """
    visits = Visits(gallery, limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(visits.sweep()), asyncio.ensure_future(_warm_up(limits))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await visits.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.visits = visits

    def serve(method: str, path: str, handler: Handler) -> None:
        async def endpoint(request: Request) -> Response:
            try:
                return await handler(visits, request)
            except RefusedError as refusal:
                return JSONResponse({"error": str(refusal)}, refusal.status)
            except TryOnError as error:
                return JSONResponse({"error": str(error)}, 422)
            except ClientDisconnect:
                return Response(status_code=400)

        app.add_route(OWN + path, endpoint, methods=[method])

    async def picture(_: Visits, request: Request) -> Response:
        name = request.path_params["name"]
        if name.endswith("-large"):
            data = await visits.read(lambda: gallery.portrait(name.removesuffix("-large")))
        else:
            data = gallery.entries[name].picture if name in gallery.entries else None
        return Response(data, 200 if data else 404, media_type="image/jpeg")

    async def asset(_: Visits, request: Request) -> Response:
        name = request.path_params["name"]
        known = {path.name: path for path in ASSETS.iterdir()}
        return FileResponse(known[name]) if name in known else Response(status_code=404)

    serve("GET", "looks/{name}.jpg", picture)
    serve("GET", "assets/{name}", asset)
    serve("POST", "visits", _open)
    serve("GET", "visits/{token}", _state)
    serve("POST", "visits/{token}/offer", _offer)
    serve("POST", "visits/{token}/stop", _stop)
    serve("POST", "visits/{token}/leave", _leave)
    serve("PUT", "visits/{token}/wear", _wear)
    serve("PUT", "visits/{token}/products", _products)
    serve("POST", "visits/{token}/looks", _upload)
    return app


async def _open(visits: Visits, request: Request) -> Response:
    visit = visits.open()
    looks = [{"id": name, "name": look.name} for name, look in visits.gallery.entries.items()]
    most = visits.limits.upload_bytes
    return JSONResponse({"visit": visit.token, "looks": looks, "uploadBytes": most}, 201)


async def _state(visits: Visits, request: Request) -> Response:
    visit = visits.get(request.path_params["token"])
    state: dict[str, Any] = {"live": visit.live, "error": visit.error}
    if visit.peer is not None:
        stats = visit.peer.stats
        age = stats.age_ms if isfinite(stats.age_ms) else None
        state |= {"fps": stats.fps, "age": age, "drops": stats.drops}
        state |= {"faces": visit.faces, "backend": visit.backend}
    return JSONResponse(state)


async def _offer(visits: Visits, request: Request) -> Response:
    visit = visits.get(request.path_params["token"])
    offer = (await _json(request)).get("sdp")
    if not isinstance(offer, str):
        raise RefusedError(400, "the page sent no offer; reload it")
    return JSONResponse({"sdp": await visits.start(visit, offer)})


async def _stop(visits: Visits, request: Request) -> Response:
    await visits.get(request.path_params["token"]).stop()
    return JSONResponse({})


async def _leave(visits: Visits, request: Request) -> Response:
    await visits.leave(request.path_params["token"])
    return JSONResponse({})


async def _wear(visits: Visits, request: Request) -> Response:
    visit = visits.get(request.path_params["token"])
    await visit.put_on(Wear.from_json(await _json(request)))
    return JSONResponse({})


async def _products(visits: Visits, request: Request) -> Response:
    visit = visits.get(request.path_params["token"])
    style = await _json(request)
    await visit.set_products(await visits.read(lambda: product_look(style)))
    return JSONResponse({"id": PRODUCTS})


async def _upload(visits: Visits, request: Request) -> Response:
    visit = visits.get(request.path_params["token"])
    visit.check_room()
    limits = visits.limits
    data = await _body(request, limits.upload_bytes, limits.upload_s)

    def encode() -> Look:
        return Look.from_photo(read_photo(data, limits.upload_pixels))

    look = await visits.read(encode)
    name = "".join(c for c in request.query_params.get("name", "") if c.isprintable())
    look = replace(look, name=name[:MAX_SHOWN] or "Photo")
    return JSONResponse({"id": visit.add_look(look), "name": look.name}, 201)


async def _json(request: Request) -> Mapping[str, Any]:
    try:
        data = json.loads(await _body(request, MAX_JSON, 10.0))
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RefusedError(400, "the page sent what is no JSON object; reload it")
    return data


async def _body(request: Request, most: int, seconds: float) -> bytes:
    """The body of a request, in memory.

    Raises:
        RefusedError: it has more than `most` bytes, none, or comes too slowly.
    """
    large = RefusedError(413, f"that is too large; the limit is {most / 2**20:.3g} MB")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > most:
        raise large

    async def read() -> bytes:
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > most:
                raise large
        return bytes(data)

    try:
        data = await asyncio.wait_for(read(), seconds)
    except asyncio.TimeoutError:
        raise RefusedError(408, "the upload was too slow; try again") from None
    if not data:
        raise RefusedError(400, "nothing was sent; choose a picture")
    return data


async def _warm_up(limits: Limits) -> None:
    """Load and compile once what the first visitor would have to wait for."""

    def load() -> None:
        with suppress(TryOnError):  # whoever needs what does not load is told why
            TryOnSession(config=limits.session).close()
            product_look({})

    await asyncio.to_thread(load)
