"""The dashboard as a server of its own: `wiki-trends serve`.

Refuses to start if strangers could act: an address that other machines reach, or a host name other than this machine's,
requires a token in the settings. On a loopback address, a token is generated for each start if none is set. The token is
never printed; the command prints a link that signs in once.
"""

from __future__ import annotations

import gc
import secrets
import socket
import sys
import threading
from typing import TYPE_CHECKING

from smart_orchestrator.model.window import today_utc
from wiki_trends.errors import SettingError
from wiki_trends.web.auth.sign_in import LOCAL_HOSTS, SIGN_IN_PATH, TokenGuard, is_loopback

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI
    from uvicorn import Server

    from wiki_trends.config.settings import Settings

MIN_TOKEN_LENGTH = 16
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
_GRACE_SECONDS = 2
_SWITCH_INTERVAL_SECONDS = 0.001


def guard_of(settings: Settings, host: str, hosts: Sequence[str]) -> TokenGuard:
    """The guard of a server that listens on `host` and accepts `hosts` besides the names of this machine.

    Raises:
        SettingError: other machines could reach it and there is no token, or the token is too short.
    """
    named = [name for name in (host, *hosts) if name not in _WILDCARDS and name not in LOCAL_HOSTS]
    token = settings.web_token
    if token and len(token) < MIN_TOKEN_LENGTH:
        raise SettingError(
            name="web_token",
            value="(secret)",
            origin="WIKI_TRENDS_WEB_TOKEN",
            problem=f"is shorter than {MIN_TOKEN_LENGTH} characters",
            fix="Generate a random one, for example with `openssl rand -hex 24`.",
        )
    reachable = not is_loopback(host) or any(not is_loopback(name) for name in named)
    if reachable and not token:
        raise SettingError(
            name="web_token",
            value=host if not is_loopback(host) else ", ".join(named),
            origin="--allow-host" if is_loopback(host) else "--host",
            problem="can be reached from other machines, and no token is set",
            fix="Set WIKI_TRENDS_WEB_TOKEN to a secret that visitors sign in with, or listen on 127.0.0.1.",
        )
    return TokenGuard(token or secrets.token_urlsafe(24), named, sees_all=not reachable)


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    hosts: Sequence[str] = (),
    as_of: dt.date | None = None,
    on_ready: Callable[[str, str], None],
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: where lake, warehouse and state are.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        hosts: further host names that are accepted.
        as_of: the day that counts as today; default: the current UTC day.
        on_ready: called with the address and the sign-in link once connections are accepted.

    Raises:
        SettingError: it would be open to everybody, or the port is not available.
    """
    from wiki_trends.web.app import create_app

    # Rendering threads yield to the event loop five times as often as by default.
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    guard = guard_of(settings, host, hosts)
    app = create_app(settings, guard=guard, today=(lambda: as_of) if as_of else today_utc)
    with _listening(host, port) as listener:
        shown = "127.0.0.1" if host in _WILDCARDS else host
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
        threading.Thread(target=_warm, name="warm", daemon=True).start()
        on_ready(f"{address}/", f"{address}{SIGN_IN_PATH}?once={guard.new_code()}")
        try:
            server_of(app).run(sockets=[listener])
        finally:
            gc.unfreeze()


def _warm() -> None:
    """Import the chart library before the first page needs it.

    Its objects are then excluded from garbage collection: scanning them would delay responses.
    """
    from wiki_trends.report.html.charts import compiled, page_series

    gc.disable()
    try:
        compiled(page_series([]))
        gc.freeze()
    finally:
        gc.enable()


def server_of(app: FastAPI) -> Server:
    """A uvicorn server for an app; its sockets are passed to `run`."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            # A request line may contain the code of a sign-in link.
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket; connections wait in its queue until the server is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only if the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise SettingError(
            name="port",
            value=f"{host}:{port}",
            origin="--port",
            problem=f"cannot be listened on ({error.strerror or error})",
            fix="Name another port; 0 takes a free one.",
        ) from error
    return listener
