"""The dashboard as a server of its own: `wiki-trends serve`.

Refuses to start if strangers could act: an address that other machines reach, or a host name other than this machine's,
requires a token in the settings. On a loopback address, a token is generated for each start if none is set. The token is
never printed; the command prints a link that signs in once.
"""

from __future__ import annotations

import gc
import ipaddress
import secrets
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.model.window import today_utc
from wiki_trends.errors import SettingError
from wiki_trends.web.auth.sign_in import LOCAL_HOSTS, SIGN_IN_PATH, TokenGuard, is_loopback

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp
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
    # Without a token in the settings, each start has a new one, which ends all sessions anyway.
    revoked = Path(settings.state) / "revoked-sessions" if token else None
    return TokenGuard(token or secrets.token_urlsafe(24), named, sees_all=not reachable, revoked_file=revoked)


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    hosts: Sequence[str] = (),
    proxies: Sequence[str] = (),
    as_of: dt.date | None = None,
    on_ready: Callable[[str, str], None],
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: where lake, warehouse and state are.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        hosts: further host names that are accepted.
        proxies: addresses or networks of the proxies in front, which give the caller's address.
        as_of: the day that counts as today; default: the current UTC day.
        on_ready: called with the address and the sign-in link once connections are accepted.

    Raises:
        SettingError: it would be open to everybody, or the port is not available.
    """
    from wiki_trends.web.app import create_app

    # Rendering threads yield to the event loop five times as often as by default.
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    guard, proxies = guard_of(settings, host, hosts), proxies_of(proxies)
    app = create_app(settings, guard=guard, today=(lambda: as_of) if as_of else today_utc)
    with _listening(host, port) as listener:
        shown = "127.0.0.1" if host in _WILDCARDS else host
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
        threading.Thread(target=_warm, name="warm", daemon=True).start()
        on_ready(f"{address}/", f"{address}{SIGN_IN_PATH}?once={guard.new_code()}")
        try:
            server_of(app, proxies=proxies).run(sockets=[listener])
        finally:
            gc.unfreeze()


def _warm() -> None:
    """Import the chart library before the first page needs it.

    Its objects are then excluded from garbage collection: scanning them would delay responses.
    """
    from wiki_trends.report.html.charts import page_series
    from wiki_trends.report.html.vega import compiled

    gc.disable()
    try:
        compiled(page_series([]))
        gc.freeze()
    finally:
        gc.enable()


def server_of(app: ASGIApp, *, proxies: Sequence[str] = (), request_seconds: float | None = None) -> Server:
    """A uvicorn server for an app; its sockets are passed to `run`.

    Args:
        app: the ASGI app.
        proxies: addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; no others are.
        request_seconds: seconds within which a request must arrive completely.
    """
    import uvicorn

    from wiki_trends.web.request_deadline import REQUEST_SECONDS, deadline_protocol

    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            # A request line may contain the code of a sign-in link.
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            http=deadline_protocol(REQUEST_SECONDS if request_seconds is None else request_seconds),
            ws="none",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def proxies_of(proxies: Sequence[str]) -> tuple[str, ...]:
    """The addresses or networks of the proxies, checked.

    Raises:
        SettingError: one of them is neither an IP address nor a network.
    """
    for proxy in proxies:
        try:
            network = ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            raise SettingError(
                name="proxy",
                value=proxy,
                origin="--proxy",
                problem="is not the IP address or the network of a proxy",
                fix="Name the address from which the proxy connects, for example 127.0.0.1 or 10.0.0.0/24.",
            )
    return tuple(proxies)


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
