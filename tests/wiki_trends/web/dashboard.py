"""A dashboard on a real socket, over a place of its own."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from wiki_trends.settings import Settings, load
from wiki_trends.web import create_app
from wiki_trends.web.serve import server_of
from wiki_trends.web.sign_in import TokenGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wiki_trends.web.guard import Guard

TOKEN = "a-token-of-the-tests-0123456789"
AS_OF = dt.date(2025, 11, 12)


@dataclass
class Dashboard:
    """A running dashboard: its address, its guard, and a client that has not signed in."""

    url: str
    guard: Guard
    client: httpx2.Client

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def serving(settings: Settings | None = None, guard: Guard | None = None, **options) -> Iterator[Dashboard]:
    """A dashboard on a free port, in a thread of this process."""
    guard = guard or TokenGuard(TOKEN)
    app = create_app(settings or load(), guard=guard, **{"today": lambda: AS_OF, **options})
    with running(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield Dashboard(url, guard, client)


@contextmanager
def running(app) -> Iterator[str]:
    """Any ASGI app on a free port, in a thread of this process: its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def eventually(found, seconds: float = 120.0):
    """What `found` gives once it gives something."""
    end = time.monotonic() + seconds
    while True:
        value = found()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.05)
