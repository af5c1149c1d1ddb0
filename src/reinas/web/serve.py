"""Serves the page until it is stopped."""

import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from typing import Any

from reinas.errors import InvalidSettingError, SettingError
from reinas.store import Store

EVERYWHERE = ("0.0.0.0", "::", "")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORT = 8765


def watch(
    store: str | PathLike[str] | Store = "reinas.db",
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    open_browser: bool = False,
    said: Callable[[str], None] = print,
) -> None:
    """Serve a live page over a store until Ctrl-C; it only reads.

    Args:
        store: The store, or where it is: a file, which may not be there yet, or the address of a
            PostgreSQL server.
        host: Whose requests are answered: 127.0.0.1 for this machine's, 0.0.0.0 for everybody's
            who has the address with its token.
        port: The port; 0 takes a free one.
        open_browser: Whether a browser is opened.
        said: Is given the address.

    Raises:
        SettingError: What the page needs is not installed, or the port is taken.
    """
    try:
        from reinas.web.app import make_app, make_server
    except ImportError as error:
        raise SettingError(
            f"the live page needs {error.name}: install it with `pip install 'reinas[web]'`"
        ) from None
    from reinas.web.guard import new_token

    if not 0 <= port <= 65535:
        raise InvalidSettingError("port", f"must be from 0 to 65535, got {port}")
    token = None if host in LOOPBACK else new_token()
    app = make_app(store.database.address if isinstance(store, Store) else store, token)
    listening = _bound(host, port)
    number = listening.getsockname()[1]
    named = socket.gethostname() if host in EVERYWHERE else host
    shown = f"[{named}]" if ":" in named else named
    address = f"http://{shown}:{number}/" + ("" if token is None else f"?token={token}")
    said(address)
    if open_browser:
        webbrowser.open(address)
    with suppress(KeyboardInterrupt):  # which uvicorn raises again after it has closed all
        make_server(app).run(sockets=[listening])


def _bound(host: str, port: int) -> Any:
    """A listening socket; uvicorn itself would end the process where it has none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # readers may connect as soon as they have the address
    except OSError as error:
        listening.close()
        raise SettingError(
            f"port {port} of {host} cannot be had ({error.strerror}): choose another with port"
        ) from None
    return listening
