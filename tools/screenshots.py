"""Take the screenshots in `docs/images` (`make screenshots`): the report and the dashboard, in three widths and both themes.

The screenshots show the synthetic data of `wiki-trends demo`, so they change only when the pages change. The program needs
Chromium, but no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tools.browser import NoBrowser, executable, flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PROGRAM = str(Path(sys.executable).with_name("wiki-trends"))
# A JavaScript function that returns whether all charts are drawn.
ALL_CHARTS_DRAWN = (
    "() => [...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn === 'true')"
)


@dataclass(frozen=True, slots=True)
class Screenshot:
    """What a screenshot shows.

    Attributes:
        name: the name of the file, without its extension.
        width: the width of the window, in pixels.
        height: the height of the window, in pixels.
        scheme: the colour scheme: `light` or `dark`.
        top: the CSS selector of the element to scroll to the top; empty to show the top of the page.
        path: the path of the page in the dashboard; empty for the report.
        click: the CSS selector of an element whose click opens a dialog; empty for no dialog.
        chosen: the first and the last day of the range to choose in the calendar; empty for no range.
    """

    name: str
    width: int
    height: int
    scheme: str = "light"
    top: str = ""
    path: str = ""
    click: str = ""
    chosen: tuple[str, str] | tuple[()] = ()


REPORT_SCREENSHOTS = (
    Screenshot("report-wide", 1440, 1000),
    Screenshot("report-charts", 1440, 1080, "dark", "#race"),
    Screenshot("report-tablet", 820, 1100, "dark"),
    Screenshot("report-phone", 390, 844),
)
DASHBOARD_SCREENSHOTS = (
    Screenshot("dashboard-wide", 1440, 1000, path="/"),
    Screenshot("dashboard-page", 1440, 1080, "dark", path="/page?title=Legend_of_Gatanor"),
    Screenshot(
        "dashboard-completeness", 1440, 900, path="/completeness?days=30", click="a.day[href*='2025-11-07']"
    ),
    Screenshot(
        "dashboard-tablet",
        820,
        1100,
        "dark",
        path="/completeness?days=30",
        chosen=("2025-10-31", "2025-11-08"),
    ),
    Screenshot(
        "dashboard-compare",
        1440,
        900,
        path="/compare?title=Legend_of_Gatanor&title=Halodra_(film)&scale=logarithmic",
    ),
    Screenshot("dashboard-phone", 390, 844, path="/pages"),
)


def main() -> int:
    """Take all screenshots."""
    try:
        program = executable()
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="wiki-trends-screenshots-") as name,
        sync_playwright() as playwright,
    ):
        folder = Path(name)
        run_product(folder, "demo", "--folder", str(folder / "demo"))
        run_product(folder / "demo", "report", "--html", str(folder / "report.html"))
        browser = playwright.chromium.launch(executable_path=program, args=flags())
        for screenshot in REPORT_SCREENSHOTS:
            take_screenshot(browser, (folder / "report.html").as_uri(), screenshot)
        # Remove a day and a marker, so that the calendar also shows days that are not complete.
        shutil.rmtree(folder / "demo/lake/diamond/diamond_final_2025_11_07.csv")
        (folder / "demo/lake/diamond/diamond_final_2025_11_02.csv/_SUCCESS").unlink()
        with run_dashboard(folder / "demo") as (address, sign_in_link):
            session = sign_in(browser, sign_in_link)
            for screenshot in DASHBOARD_SCREENSHOTS:
                take_screenshot(browser, address + screenshot.path, screenshot, session)
        browser.close()
    return 0


@contextmanager
def run_dashboard(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the dashboard for the lake and the warehouse in a folder; yield its URL and the link that signs in."""
    command = [PROGRAM, "serve", "--port", "0", "--as-of", "2025-11-12"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environ()
    ) as server:
        try:
            address = server.stdout.readline() if server.stdout else ""
            links = (re.search(r"http\S+once=\S+", line) for line in server.stderr or ())
            yield address.strip().rstrip("/"), next(link[0] for link in links if link)
        finally:
            server.terminate()


def sign_in(browser: Browser, link: str) -> StorageState:
    """Sign in with the link that the server printed, and return the cookies of the session."""
    context = browser.new_context()
    context.new_page().goto(link)
    session = context.storage_state()
    context.close()
    return session


def run_product(folder: Path, *arguments: str) -> None:
    """Run `wiki-trends` in a folder, without the settings in the caller's environment."""
    subprocess.run([PROGRAM, *arguments], cwd=folder, env=_environ(), check=True, stdout=subprocess.DEVNULL)


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WIKI_TRENDS_")}


def take_screenshot(
    browser: Browser, address: str, screenshot: Screenshot, session: StorageState | None = None
) -> None:
    """Open a page, wait until its charts are drawn, and take a screenshot of the window; `session` has the cookies."""
    context = browser.new_context(
        storage_state=session,
        viewport={"width": screenshot.width, "height": screenshot.height},
        color_scheme="dark" if screenshot.scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(ALL_CHARTS_DRAWN)
    if screenshot.top:
        page.locator(screenshot.top).evaluate("(node) => node.scrollIntoView({block: 'start'})")
    if screenshot.chosen:
        first, last = (page.locator(f"a.day[href*='{day}']") for day in screenshot.chosen)
        first.hover()
        page.mouse.down()
        last.hover()
        page.mouse.up()
    if screenshot.click:
        page.locator(screenshot.click).click()
        page.get_by_role("dialog").get_by_role("heading").first.wait_for()
    IMAGES.mkdir(parents=True, exist_ok=True)
    target = IMAGES / f"{screenshot.name}.png"
    page.screenshot(path=target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} kB")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
