"""Runs the dashboard on a real socket for tests."""

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
# The headers of a browser that asks for a page, the parameters of an action, and a path of each kind.
PAGE = {"Accept": "text/html"}
START = {"params": {"day": "2025-11-07"}}
PATHS = (
    "/", "/pages", "/page?title=Legend_of_Gatanor", "/categories", "/category?name=Sports", "/completeness",
    "/day?day=2025-11-07", "/runs", "/left-out", "/feed.atom", "/overview.json", "/overview.csv", "/runs.json",
    "/completeness.csv", "/openapi.json", "/sign-in", "/static/app.js", "/no/such/page", "/day?day=yesterday",
)  # fmt: skip


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
def running(app, **options) -> Iterator[str]:
    """Serve any ASGI app on a free port, in a thread of this process; yields its address."""
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
    """Call `probe` until its result is true, and return it; the last result when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.05)


def settings_of(folder, **others):
    """Settings with lake, warehouse and state in a folder."""
    values = {
        "lake": f"{folder}/lake/{{layer}}",
        "warehouse": f"duckdb:///{folder}/warehouse.duckdb",
        "state": f"{folder}/state",
    }
    return replace(Settings(), **(values | others))


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
    """Settings of a lake and a warehouse in a folder, with these rows per day published."""
    dataset = diamond_in(f"{folder}/lake")
    for offset, rows in enumerate(days):
        if rows:
            write_day(dataset, offset, rows)
    settings = settings_of(folder)
    completeness = check(dataset, window_of(length or len(days)), policy=policy)
    analyze(dataset, completeness, open_warehouse(settings.warehouse))
    return settings
