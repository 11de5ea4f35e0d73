"""The dashboard as a server of its own: `wiki-trends serve`.

Refuses to start where anybody could act who should not: on an address that other machines reach, or under a name that
is not this machine's, only with a token of the settings. On this machine alone a token is made for each start when none
is set. Neither is ever printed: what is printed is a link that signs in once.
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
from wiki_trends.web.auth.sign_in import LOCAL_HOSTS, PATH, TokenGuard, is_loopback

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI
    from uvicorn import Server

    from wiki_trends.config.settings import Settings

LEAST_TOKEN = 16
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not listened on
_GRACE_SECONDS = 2
_SWITCH_SECONDS = 0.001


def guard_of(settings: Settings, host: str, hosts: Sequence[str]) -> TokenGuard:
    """The guard of a server that listens on `host` and may be called by `hosts` besides the names of this machine.

    Raises:
        SettingError: other machines could reach it and no token is set, or one that can be guessed.
    """
    named = [name for name in (host, *hosts) if name not in _WILDCARDS and name not in LOCAL_HOSTS]
    token = settings.web_token
    if token and len(token) < LEAST_TOKEN:
        raise SettingError(
            name="web_token",
            value="(secret)",
            origin="WIKI_TRENDS_WEB_TOKEN",
            problem=f"is shorter than {LEAST_TOKEN} characters",
            fix="Make one that nobody guesses, for example with `openssl rand -hex 24`.",
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
    told: Callable[[str, str], None],
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: where everything is.
        host: address to listen on.
        port: 0 takes a free one.
        hosts: further names by which it may be called.
        as_of: the day that counts as today; default the clock's.
        told: given the address and the link that signs in, once requests are accepted.

    Raises:
        SettingError: it would be open to everybody, or the port cannot be had.
    """
    from wiki_trends.web.app import create_app

    # Threads that make pages hand over to the one that answers five times as often as they would.
    sys.setswitchinterval(_SWITCH_SECONDS)
    guard = guard_of(settings, host, hosts)
    app = create_app(settings, guard=guard, today=(lambda: as_of) if as_of else today_utc)
    with _listening(host, port) as listener:
        shown = "127.0.0.1" if host in _WILDCARDS else host
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
        threading.Thread(target=_warm, name="warm", daemon=True).start()
        told(f"{address}/", f"{address}{PATH}?once={guard.new_code()}")
        try:
            server_of(app).run(sockets=[listener])
        finally:
            gc.unfreeze()


def _warm() -> None:
    """Import what draws charts, so that the first page with one need not wait for it.

    The collector then leaves alone what stays for good: looking through it would hold up every answer.
    """
    from wiki_trends.report.html.charts import page_series
    from wiki_trends.report.html.vega import compiled

    gc.disable()
    try:
        compiled(page_series([]))
        gc.freeze()
    finally:
        gc.enable()


def server_of(app: FastAPI) -> Server:
    """The server of an app, which is given its sockets."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            # A request's line can hold the code of a sign-in link.
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    """A socket that accepts connections: whoever comes before the server is ready waits in its queue."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio sends small pieces at once; otherwise each answer waits for an acknowledgement.
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
