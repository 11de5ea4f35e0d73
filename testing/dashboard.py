"""Run the dashboard on a real socket for tests."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx2

from smart_orchestrator.checking import check
from testing.window_data import diamond_in, window_of, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.settings import Settings, load
from wiki_trends.warehouse import open_warehouse
from wiki_trends.web import create_app
from wiki_trends.web.auth.sign_in import TokenGuard
from wiki_trends.web.serve import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wiki_trends.web.auth.guard import Guard

TOKEN = "a-token-of-the-tests-0123456789"
AS_OF = dt.date(2025, 11, 12)
# The headers with which a browser requests a page.
PAGE = {"Accept": "text/html"}
# The keyword arguments of a request that starts a backfill.
START = {"params": {"day": "2025-11-07"}}
# A path of each kind: pages, documents, static files, and paths that cause errors.
PATHS = (
    "/", "/pages", "/page?title=Legend_of_Gatanor", "/categories", "/category?name=Sports", "/completeness",
    "/day?day=2025-11-07", "/runs", "/left-out", "/feed.atom", "/overview.json", "/overview.csv", "/runs.json",
    "/completeness.csv", "/openapi.json", "/sign-in", "/static/app.js", "/no/such/page", "/day?day=yesterday",
)  # fmt: skip


@dataclass
class Dashboard:
    """A running dashboard: the address, the guard, and an HTTP client that has not signed in."""

    url: str
    guard: Guard
    client: httpx2.Client

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a request with the token."""
        return {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def serving(settings: Settings | None = None, guard: Guard | None = None, **options) -> Iterator[Dashboard]:
    """Run a dashboard on a free port during the block, in a thread of this process; `options` are passed to `create_app`."""
    guard = guard or TokenGuard(TOKEN)
    app = create_app(settings or load(), guard=guard, **{"today": lambda: AS_OF, **options})
    with serve_app(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield Dashboard(url, guard, client)


@contextmanager
def serve_app(app, **options) -> Iterator[str]:
    """Serve an ASGI app on a free port during the block, in a thread of this process. Yield the address of the server."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(app, **options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def eventually(probe, seconds: float = 120.0):
    """Call `probe` until its result is true or `seconds` have passed, and return the last result."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.05)


def settings_of(folder, **others):
    """Return settings with the lake, the warehouse and the state in a folder."""
    values = {
        "lake": f"{folder}/lake/{{layer}}",
        "warehouse": f"duckdb:///{folder}/warehouse.duckdb",
        "state": f"{folder}/state",
    }
    return replace(Settings(), **(values | others))


# Texts that would run or change the page if the page did not escape them.
HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "image": '"><img_src=x_onerror=alert(1)>',
    "address": "javascript:alert(1)",
    "override": "\u202eabc\u2066",
    "formula": "=HYPERLINK(A1)",
    "minus": "-1+cmd|x",
    "long": "ü" * 127 + "x",
    "template": "{{7*7}}{%_raw_%}",
}


def published(folder, days, policy=None, length=None):
    """Write and publish the rows of each day into a lake and a warehouse in a folder, and return their settings.

    A day without rows is not written. `length` is the number of days in the window, by default all days.
    """
    dataset = diamond_in(f"{folder}/lake")
    for offset, rows in enumerate(days):
        if rows:
            write_day(dataset, offset, rows)
    settings = settings_of(folder)
    completeness = check(dataset, window_of(length or len(days)), policy=policy)
    analyze(dataset, completeness, open_warehouse(settings.warehouse))
    return settings
