"""The dashboard as a server of its own: `wiki-trends serve`.

The server needs a token in the settings if it listens on an address that other machines can reach, or if it accepts the host
name of another machine. On a loopback address without a token in the settings, each start generates a token. The command
never prints the token; it prints a link that signs in once.
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
# The seconds that open requests have to end after SIGINT or SIGTERM.
_SHUTDOWN_SECONDS = 2
# The time after which a thread that computes lets another thread run.
_THREAD_SWITCH_SECONDS = 0.001


def make_guard(settings: Settings, host: str, hosts: Sequence[str]) -> TokenGuard:
    """Return the guard of a server that listens on `host`, and accepts `hosts` besides the names of this machine.

    Raises:
        SettingError: other machines could reach the server and no token is set, or the token is too short.
    """
    external_names = [name for name in (host, *hosts) if name not in _WILDCARDS and name not in LOCAL_HOSTS]
    token = settings.web_token
    if token and len(token) < MIN_TOKEN_LENGTH:
        raise SettingError(
            name="web_token",
            value="(secret)",
            origin="WIKI_TRENDS_WEB_TOKEN",
            problem=f"is shorter than {MIN_TOKEN_LENGTH} characters",
            fix="Generate a random token, for example with `openssl rand -hex 24`.",
        )
    is_reachable = not is_loopback(host) or any(not is_loopback(name) for name in external_names)
    if is_reachable and not token:
        raise SettingError(
            name="web_token",
            value=host if not is_loopback(host) else ", ".join(external_names),
            origin="--allow-host" if is_loopback(host) else "--host",
            problem="can be reached from other machines, and no token is set",
            fix="Set WIKI_TRENDS_WEB_TOKEN to a secret that visitors sign in with, or listen on 127.0.0.1.",
        )
    # Each start generates another token, which ends all sessions, so the revoked sessions need not be saved.
    revoked_file = Path(settings.state) / "revoked-sessions" if token else None
    return TokenGuard(
        token or secrets.token_urlsafe(24),
        external_names,
        visible_to_all=not is_reachable,
        metrics_token=settings.metrics_token,
        revoked_file=revoked_file,
    )


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
        settings: the settings of the lake, the warehouse and the runs.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free port.
        hosts: the host names to accept besides the names of this machine.
        proxies: the addresses or networks of reverse proxies, which report the address of the caller.
        as_of: the UTC day that counts as today; None stands for the current day.
        on_ready: a function that is called with the address and the sign-in link before the server handles the first request.

    Raises:
        SettingError: other machines could reach the server and no token is set; the token is too short; a value of `proxies`
            is not an address or a network; or the port is not available.
    """
    from wiki_trends.web.app import create_app

    # A rendering thread must release the interpreter lock to the event loop sooner than after the default of 5 ms.
    sys.setswitchinterval(_THREAD_SWITCH_SECONDS)
    guard, proxies = make_guard(settings, host, hosts), check_proxies(proxies)
    app = create_app(settings, guard=guard, today=(lambda: as_of) if as_of else today_utc)
    with _listen(host, port) as listener:
        link_host = "127.0.0.1" if host in _WILDCARDS else host
        address = f"http://{f'[{link_host}]' if ':' in link_host else link_host}:{listener.getsockname()[1]}"
        threading.Thread(target=_import_chart_library, name="chart library", daemon=True).start()
        on_ready(f"{address}/", f"{address}{SIGN_IN_PATH}?once={guard.new_code()}")
        try:
            make_server(app, proxies=proxies).run(sockets=[listener])
        finally:
            gc.unfreeze()  # Undoes the `gc.freeze` of `_import_chart_library`.


def _import_chart_library() -> None:
    """Import the chart library before the first page needs it, and exclude its objects from garbage collection.

    Scanning the many objects of the library would delay responses.
    """
    from wiki_trends.report.html.charts import page_series
    from wiki_trends.report.html.vega import compiled

    gc.disable()
    try:
        # A chart without data is enough to load the library.
        compiled(page_series([]))
        gc.freeze()
    finally:
        gc.enable()


def make_server(app: ASGIApp, *, proxies: Sequence[str] = (), request_seconds: float | None = None) -> Server:
    """Return a uvicorn server for an app. The caller passes the listening sockets to its method `run`.

    Args:
        app: the ASGI app to serve.
        proxies: the addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
        request_seconds: the seconds within which a complete request must arrive; None stands for `REQUEST_DEADLINE_SECONDS`.
    """
    import uvicorn

    from wiki_trends.web.request_deadline import REQUEST_DEADLINE_SECONDS, deadline_protocol

    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="auto",
            # The access log would contain the codes of sign-in links.
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            http=deadline_protocol(REQUEST_DEADLINE_SECONDS if request_seconds is None else request_seconds),
            ws="none",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )


def check_proxies(proxies: Sequence[str]) -> tuple[str, ...]:
    """Check the addresses or networks of the proxies, and return them as a tuple.

    Raises:
        SettingError: a value is neither an IP address nor a network, or the network contains every address.
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


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, which queues connections until the server is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on a socket with an explicit protocol.
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
            fix="Name another port; 0 takes a free port.",
        ) from error
    return listener
