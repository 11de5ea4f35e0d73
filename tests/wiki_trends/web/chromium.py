"""Debian's Chromium, watched: what a page says on its console and whom it asks for anything."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

EXECUTABLE = "/usr/bin/chromium"


@dataclass
class Watched:
    """A page with what it complained of and which hosts it asked."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)

    def problems(self, host: str) -> list[str]:
        """Everything that a page of ours must not do."""
        foreign = [f"asked {other}" for other in sorted(self.hosts - {host})]
        return [*self.complaints, *foreign, *self.dialogs]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, url: str, *, cookie: str = "", **options) -> Iterator[Watched]:
    """A new page of a new visitor, who has signed in when a cookie is given."""
    context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
    if cookie:
        context.add_cookies(
            [{"name": "wiki_trends_session", "value": cookie, "url": url, "sameSite": "Strict"}]
        )
    page = context.new_page()
    seen = Watched(page)
    page.on(
        "console",
        lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: seen.hosts.add(urlsplit(asked.url).netloc) if asked.url.startswith("http") else None,
    )
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    yield seen
    context.close()


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
