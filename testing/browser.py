"""Headless Chromium for the tests, driven by Playwright; the fixture `browser` in conftest.py starts it.

A `Tab` is a page that records problems: errors on the console, blocked scripts, and requests to other origins.
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
    """A page with the problems that it had.

    Attributes:
        page: the page of Playwright.
        problems: warnings and errors on the console, script errors, requests that failed or went to another host.
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
        """Serious and critical findings of axe-core, one per line."""
        # Only violations are reported in full: listing every node that passes takes several times as long.
        findings = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [
            f"{finding['id']} ({finding['impact']}): {finding['help']}: "
            + "; ".join(node["html"][:200] for node in finding["nodes"][:3])
            for finding in findings
            if finding["impact"] in SERIOUS
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def colours(self, selector: str) -> int:
        """Number of colours in the screenshot of an element; a blank element has 1."""
        shot = self.page.locator(selector).first.screenshot()
        return len(set(_pixels(self.page, shot)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; without one the test fails with a message that says how to install it."""
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
    """A tab in a new session; `options` are those of Playwright's contexts, such as `color_scheme`."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    opened = Tab(page)
    page.on(
        "console",
        lambda message: message.type in ("warning", "error") and opened.problems.append(message.text),
    )
    page.on("pageerror", lambda error: opened.problems.append(str(error)))
    page.on("requestfailed", lambda request: opened.problems.append(f"{request.url}: {request.failure}"))
    page.on(
        "request",
        lambda request: _same_origin(page, request.url) or opened.problems.append(f"requested {request.url}"),
    )
    page.on("dialog", lambda dialog: (opened.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield opened
    finally:
        context.close()


def _same_origin(page: Page, url: str) -> bool:
    target, current = urlsplit(url), urlsplit(page.url)
    if target.scheme in ("data", "blob", "about"):
        return True
    return page.url in ("", "about:blank") or (target.scheme, target.netloc) == (
        current.scheme,
        current.netloc,
    )


def _pixels(page: Page, png: bytes) -> list[str]:
    """The colours of an image, coarsely; a separate page of the browser decodes it."""
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
                    const colours = new Set();
                    const bytes = context.getImageData(0, 0, image.width, image.height).data;
                    for (let at = 0; at < bytes.length; at += 4) {
                        colours.add([bytes[at] >> 4, bytes[at + 1] >> 4, bytes[at + 2] >> 4].join());
                    }
                    return [...colours];
                }""",
                base64.b64encode(png).decode(),
            )
        )
    finally:
        other.close()
