"""The routes: pages, their data as JSON, the stream of changes, and what the pages are made of."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import anyio.to_thread
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
from reinas.web.assets import STATIC, TEMPLATES
from reinas.web.guard import Guard
from reinas.web.pulse import Pulse
from reinas.web.source import Source

VIEWS = ("", "study", "network", "policy", "compare", "comparison", "toy")
KINDS = {".js": "text/javascript", ".css": "text/css"}


def make_app(path: Path, token: str | None = None) -> Guard:
    """The application for a store.

    Args:
        path: The store's file; it may not be there yet.
        token: What readers have to know; None where they are on this machine.
    """
    source, pulse = Source(path), Pulse(path)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        import asyncio

        looking = asyncio.create_task(pulse.run())
        yield
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await pulse.close()

    async def events(request: Request) -> Response:
        return StreamingResponse(
            pulse.stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    routes = [
        *(Route(f"/{view}", _page) for view in VIEWS),
        *(Route(f"/api/{name}", _document(source, name)) for name in source.names),
        Route("/events", events),
        Route("/plotly.js", _fixed(get_plotlyjs, "text/javascript")),
        Route("/drawing.css", _fixed(lambda: STYLE + CELL_STYLE, "text/css")),
        *(Route(f"/{file.name}", _file(file)) for file in STATIC.iterdir() if file.suffix in KINDS),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    # streams are told apart by their type and pass unchanged
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)
    app.state.pulse = pulse
    return Guard(app, token)


def _document(source: Source, name: str) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        given = dict(request.query_params)
        try:
            found = await anyio.to_thread.run_sync(source.read, name, given)
        except ReinasError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        # NaN is no JSON, and no browser reads it
        text = json.dumps(found, allow_nan=False, separators=(",", ":"))
        return Response(text, media_type="application/json", headers={"cache-control": "no-store"})

    return answer


async def _page(request: Request) -> Response:
    template = TEMPLATES.get_template("page.html")
    ids = await anyio.to_thread.run_sync(_style_ids)
    return HTMLResponse(template.render(version=__version__, style_ids=ids))


@cache
def _style_ids() -> list[str]:
    """The names of the styles that Plotly's bundle adds for maps unless they are there already."""
    return re.findall(r'getElementById\("([0-9a-f]{64})"\)', get_plotlyjs())


def _fixed(make: Callable[[], str], kind: str) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        # the version is in the address, so that a new one is fetched
        cache = {"cache-control": "private, max-age=86400"}
        return Response(await anyio.to_thread.run_sync(make), media_type=kind, headers=cache)

    return answer


def _file(file: Path) -> Callable[[Request], Any]:
    return _fixed(lambda: file.read_text(encoding="utf-8"), KINDS[file.suffix])
