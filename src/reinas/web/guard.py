"""Who may read the page: one guard before every route, and headers after it."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from reinas.web.pulse import Pulse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL = frozenset(("127.0.0.1", "localhost", "[::1]"))
COOKIE = "reinas-token"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets GET and HEAD through, from this machine or with the token, and from no other page.

    A page elsewhere may have its name point to this machine (DNS rebinding): the Host header then
    has that name. So without a token only the names of this machine are served; with one, the
    token decides, which such a page does not have.

    Args:
        app: The application.
        token: What a reader from elsewhere has to know. None: readers are on this machine.
        pulse: Ends the streams of the application.
    """

    def __init__(self, app: App, token: str | None, pulse: Pulse) -> None:
        self._app = app
        self.pulse = pulse
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        if self._token is not None and "token" in parse_qs(scope["query_string"].decode("latin-1")):
            await self._keep_token(scope, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_pairs(HEADERS)]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refused(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """The status and why; None where the reader may read."""
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "this page only reads: GET and HEAD"
        host = headers.get("host", "")
        if self._token is None and _without_port(host) not in LOCAL:
            return 400, "this page is for this machine: open it as http://127.0.0.1"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "another page asks: this one answers only itself"
        if self._token is not None and not self._knows(scope, headers):
            return 403, "the token is missing: open the address that `reinas watch` printed"
        return None

    def _knows(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        known = [*given, *([cookie.value] if cookie else [])]
        wanted = (self._token or "").encode()
        return any(hmac.compare_digest(one.encode(), wanted) for one in known)

    async def _keep_token(self, scope: Scope, send: Send) -> None:
        """Put the token into a cookie, so that it is in no address that people send around."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query.pop("token")
        rest = urlencode(query, doseq=True)
        # quoted again: a backslash would lead elsewhere, a line end into another header
        place = "/" + quote(scope["path"].lstrip("/")) + (f"?{rest}" if rest else "")
        cookie = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, "", {"location": place, "set-cookie": cookie})


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _pairs(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]


async def _answer(
    send: Send, status: int, text: str, more: Mapping[str, str] | None = None
) -> None:
    headers = {**HEADERS, "content-type": "text/plain; charset=utf-8", **(more or {})}
    start = {"type": "http.response.start", "status": status, "headers": _pairs(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": text.encode()})
