"""The routes: pages, their data as JSON, the stream of changes, and what the pages are made of."""

import asyncio
import gzip
import os
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from plotly.offline import get_plotlyjs
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from reinas import __version__
from reinas.errors import ReinasError
from reinas.report.cell_drawing import CELL_STYLE
from reinas.report.drawing import STYLE
from reinas.store.databases import database_of
from reinas.web.assets import STATIC, TEMPLATES
from reinas.web.guard import Guard
from reinas.web.pulse import Pulse
from reinas.web.source import Source

VIEWS = ("", "study", "network", "policy", "compare", "comparison", "toy")
KINDS = {".js": "text/javascript", ".css": "text/css"}


def make_app(location: str | os.PathLike[str], token: str | None = None) -> Guard:
    """The application for a store.

    Args:
        location: Where the store is; it may not be there yet.
        token: What readers have to know; None where they are on this machine.

    Returns:
        The application; its `pulse` ends the streams that it has open.
    """
    database = database_of(location, read_only=True)
    source, pulse = Source(database), Pulse(database.eye())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(pulse.run()),
            asyncio.create_task(asyncio.to_thread(_plotly)),  # is compressed before it is asked for
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pulse.close()
        source.close()

    async def events(request: Request) -> Response:
        return StreamingResponse(
            pulse.stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    routes = [
        *(Route(f"/{view}", _page) for view in VIEWS),
        *(Route(f"/api/{name}", _document(source, name)) for name in source.names),
        Route("/events", events),
        Route("/plotly.js", _fixed(_plotly, "text/javascript")),
        Route("/drawing.css", _fixed(lambda: _packed(STYLE + CELL_STYLE), "text/css")),
        *(Route(f"/{file.name}", _file(file)) for file in STATIC.iterdir() if file.suffix in KINDS),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    # streams are told apart by their type and pass unchanged
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)
    return Guard(app, token, pulse)


def make_server(app: Guard) -> uvicorn.Server:
    """What serves the application; streams end at once when it is stopped."""

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await app.pulse.close()
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="on")
    )


def _document(source: Source, name: str) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        given = dict(request.query_params)
        try:
            found = await anyio.to_thread.run_sync(source.read, name, given)
        except ReinasError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        return Response(found, media_type="application/json", headers={"cache-control": "no-store"})

    return answer


async def _page(request: Request) -> Response:
    template = TEMPLATES.get_template("page.html")
    ids = await anyio.to_thread.run_sync(_style_ids)
    return HTMLResponse(template.render(version=__version__, style_ids=ids))


@cache
def _style_ids() -> list[str]:
    """The names of the styles that Plotly's bundle adds for maps unless they are there already."""
    return re.findall(r'getElementById\("([0-9a-f]{64})"\)', get_plotlyjs())


@cache
def _packed(text: str) -> tuple[bytes, bytes]:
    """The bytes, and the same compressed."""
    data = text.encode()
    return data, gzip.compress(data, 6)


@cache
def _plotly() -> tuple[bytes, bytes]:
    return _packed(get_plotlyjs())


def _fixed(make: Callable[[], tuple[bytes, bytes]], kind: str) -> Callable[[Request], Any]:
    """What stays the same while the page is served."""

    async def answer(request: Request) -> Response:
        whole, small = await anyio.to_thread.run_sync(make)
        # the version is in the address, so that a new one is fetched
        headers = {"cache-control": "private, max-age=86400", "vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(whole, media_type=kind, headers=headers)
        return Response(small, media_type=kind, headers={**headers, "content-encoding": "gzip"})

    return answer


def _file(file: Path) -> Callable[[Request], Any]:
    return _fixed(lambda: _packed(file.read_text(encoding="utf-8")), KINDS[file.suffix])
