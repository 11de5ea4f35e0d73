"""Headless Chromium for the tests, controlled by Playwright. The fixture `browser` in conftest.py starts it.

A `Tab` contains a page and records its problems, such as errors on the console, blocked scripts, and requests to other origins.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tools.browser import NoBrowser, executable, flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# The widths of windows, in pixels.
PHONE, TABLET, WIDE = 390, 820, 1440
# The longest wait for an element or a navigation, in milliseconds: a busy machine takes its time.
PATIENCE_MS = 60_000
SERIOUS_IMPACTS = ("serious", "critical")
# axe takes seconds for each hundred rows, and a template makes all rows of a table alike. `make test-sizes` checks every row.
MORE_ROWS = "tbody tr:nth-child(n + 11)"
# What Chromium reports for requests that are in flight when a page is left: the icon, the stream of events. A refused, blocked
# or broken request has another name.
CANCELLED = "net::ERR_ABORTED"


@dataclass
class Tab:
    """A page in the browser, with the problems that occurred in it.

    Attributes:
        page: the Playwright page.
        problems: the warnings and errors on the console, the script errors, the dialogs, and the requests that failed or went
            to another origin. A request that the browser cancels, because the page is left or reloaded, is not a problem.
    """

    page: Page
    problems: list[str] = field(default_factory=list)

    def open(self, target: str | Path) -> Tab:
        """Open a URL or a file, and wait until every chart is drawn."""
        self.page.goto(target.resolve().as_uri() if isinstance(target, Path) else target)
        self.wait_until_drawn()
        return self

    def wait_until_drawn(self) -> None:
        """Wait until every chart of the page is drawn."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn === 'true')"
        )

    def accessibility_violations(self) -> list[str]:
        """Return the serious and critical violations of accessibility rules that axe-core reports, in ten rows of each table."""
        # The environment of Airflow does not have it.
        from axe_playwright_python.sync_playwright import Axe

        # Listing every node that passes would take several times as long.
        options = {"resultTypes": ["violations"]}
        context = None if "TEST_WIDTH" in os.environ else {"exclude": [MORE_ROWS]}
        findings = Axe().run(self.page, context, options).response["violations"]
        return [
            f"{finding['id']} ({finding['impact']}): {finding['help']}: "
            + "; ".join(node["html"][:200] for node in finding["nodes"][:3])
            for finding in findings
            if finding["impact"] in SERIOUS_IMPACTS
        ]

    def overflow_pixels(self) -> int:
        """Return the number of pixels by which the page is wider than the window."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def count_colours(self, selector: str) -> int:
        """Return the number of colours in a screenshot of an element; 1 for a blank element."""
        screenshot = self.page.locator(selector).first.screenshot()
        return len(set(_coarse_colours(self.page, screenshot)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium during the block. If no Chromium is installed, fail with a message that says how to install one."""
    try:
        program = executable()
    except NoBrowser as error:
        pytest.fail(str(error), pytrace=False)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags())
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, *, width: int | None = None, height: int = 900, **options: Any) -> Iterator[Tab]:
    """Open a tab in a new browser context; `options` are passed to Playwright's `new_context`, for example `color_scheme`.

    Tests that need no particular width and colours get those of the environment: `make test-sizes` runs them in eight ways.
    """
    options.setdefault("color_scheme", os.environ.get("TEST_COLOURS", "light"))
    width = width or int(os.environ.get("TEST_WIDTH", WIDE))
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    new_tab = Tab(page)
    page.on(
        "console",
        lambda message: message.type in ("warning", "error") and new_tab.problems.append(message.text),
    )
    page.on("pageerror", lambda error: new_tab.problems.append(str(error)))
    page.on(
        "requestfailed",
        lambda request: (
            request.failure == CANCELLED or new_tab.problems.append(f"{request.url}: {request.failure}")
        ),
    )
    page.on(
        "request",
        lambda request: (
            _same_origin(page, request.url) or new_tab.problems.append(f"requested {request.url}")
        ),
    )
    page.on("dialog", lambda dialog: (new_tab.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield new_tab
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


def _coarse_colours(page: Page, png: bytes) -> list[str]:
    """Return the distinct colours of a PNG image, rounded to 4 bits for each channel. A separate page decodes the image."""
    import base64

    decoder_page = page.context.browser.new_page()  # type: ignore[union-attr]
    try:
        return list(
            decoder_page.evaluate(
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
        decoder_page.close()
