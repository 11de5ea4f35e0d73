"""A real Chromium for the tests, headless, driven by Playwright: `browser` in conftest.py starts it.

A `Tab` is a page that remembers what a reader would never see: errors on the console, scripts that were refused, and
requests to anywhere but the page's own origin.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tools.browser import NoBrowser, executable, flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PHONE, TABLET, WIDE = 390, 820, 1440
SERIOUS = ("serious", "critical")


@dataclass
class Tab:
    """A page and what went on in it.

    Attributes:
        page: Playwright's.
        problems: warnings and errors on the console, errors of scripts, requests that failed or went to another host.
    """

    page: Page
    problems: list[str] = field(default_factory=list)

    def open(self, where: str | Path) -> Tab:
        """Go to an address or a file, and wait until its charts are drawn."""
        self.page.goto(where.resolve().as_uri() if isinstance(where, Path) else where)
        self.drawn()
        return self

    def drawn(self) -> None:
        """Wait until every chart of the page is drawn."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn === 'true')"
        )

    def violations(self) -> list[str]:
        """What axe-core finds that is serious or critical, a line each."""
        # A transition would be judged half way.
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']} ({one['impact']}): {one['help']}: "
            + "; ".join(node["html"][:200] for node in one["nodes"][:3])
            for one in found
            if one["impact"] in SERIOUS
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def colours(self, selector: str) -> int:
        """How many colours the picture of an element has: a blank one has one."""
        shot = self.page.locator(selector).first.screenshot()
        return len(set(_pixels(self.page, shot)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; the test fails when there is none, and says how to get it."""
    try:
        program = executable()
    except NoBrowser as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags())
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, *, width: int = WIDE, height: int = 900, **options: Any) -> Iterator[Tab]:
    """A tab of its own session; `color_scheme`, `offline` and other options of Playwright's contexts."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    made = Tab(page)
    page.on("console", lambda said: said.type in ("warning", "error") and made.problems.append(said.text))
    page.on("pageerror", lambda error: made.problems.append(str(error)))
    page.on("requestfailed", lambda asked: made.problems.append(f"{asked.url}: {asked.failure}"))
    page.on(
        "request", lambda asked: _same_origin(page, asked.url) or made.problems.append(f"asked {asked.url}")
    )
    page.on("dialog", lambda dialog: (made.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield made
    finally:
        context.close()


def _same_origin(page: Page, url: str) -> bool:
    asked, here = urlsplit(url), urlsplit(page.url)
    if asked.scheme in ("data", "blob", "about"):
        return True
    return page.url in ("", "about:blank") or (asked.scheme, asked.netloc) == (here.scheme, here.netloc)


def _pixels(page: Page, png: bytes) -> list[str]:
    """The colours of a picture, coarsely: the browser itself decodes it, in a page of its own."""
    import base64

    other = page.context.browser.new_page()  # type: ignore[union-attr]
    try:
        return list(
            other.evaluate(
                """async (data) => {
                    const image = new Image();
                    image.src = `data:image/png;base64,${data}`;
                    await image.decode();
                    const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
                    const context = canvas.getContext("2d");
                    context.drawImage(image, 0, 0);
                    const found = new Set();
                    const bytes = context.getImageData(0, 0, image.width, image.height).data;
                    for (let at = 0; at < bytes.length; at += 4) {
                        found.add([bytes[at] >> 4, bytes[at + 1] >> 4, bytes[at + 2] >> 4].join());
                    }
                    return [...found];
                }""",
                base64.b64encode(png).decode(),
            )
        )
    finally:
        other.close()
