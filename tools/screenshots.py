"""Takes the screenshots in `docs/images` (`make screenshots`): the report and the dashboard, in three widths and both themes.

The screenshots show the synthetic data of `wiki-trends demo`, so they change only when the pages change. The program needs
Chromium, but no network.
"""

from __future__ import annotations

import os
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

    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PROGRAM = str(Path(sys.executable).with_name("wiki-trends"))
# JavaScript: whether all charts are drawn.
DRAWN = "() => [...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn === 'true')"


@dataclass(frozen=True, slots=True)
class Picture:
    """One screenshot.

    Attributes:
        name: the name of the file, without its extension.
        width: the width of the window, in pixels.
        height: the height of the window, in pixels.
        scheme: the colour scheme: `light` or `dark`.
        top: the selector of the element to scroll to the top.
        path: the path of the dashboard's page.
        click: the selector of the element to click; the click opens a dialog.
    """

    name: str
    width: int
    height: int
    scheme: str = "light"
    top: str = ""
    path: str = ""
    click: str = ""


REPORT = (
    Picture("report-wide", 1440, 1000),
    Picture("report-charts", 1440, 1080, "dark", "#race"),
    Picture("report-tablet", 820, 1100, "dark"),
    Picture("report-phone", 390, 844),
)
DASHBOARD = (
    Picture("dashboard-wide", 1440, 1000, path="/"),
    Picture("dashboard-page", 1440, 1080, "dark", path="/page?title=Legend_of_Gatanor"),
    Picture(
        "dashboard-completeness", 1440, 900, path="/completeness?days=30", click="a.day[href*='2025-11-07']"
    ),
    Picture("dashboard-tablet", 820, 1100, "dark", path="/completeness?days=30"),
    Picture("dashboard-phone", 390, 844, path="/pages"),
)


def main() -> int:
    """Take all screenshots."""
    try:
        program = executable()
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="wiki-trends-pictures-") as name, sync_playwright() as playwright:
        folder = Path(name)
        run(folder, "demo", "--folder", str(folder / "demo"))
        run(folder / "demo", "report", "--html", str(folder / "report.html"))
        browser = playwright.chromium.launch(executable_path=program, args=flags())
        for picture in REPORT:
            take(browser, (folder / "report.html").as_uri(), picture)
        # Without these changes, the calendar would show only complete days.
        shutil.rmtree(folder / "demo/lake/diamond/diamond_final_2025_11_07.csv")
        (folder / "demo/lake/diamond/diamond_final_2025_11_02.csv/_SUCCESS").unlink()
        with serving(folder / "demo") as address:
            for picture in DASHBOARD:
                take(browser, address + picture.path, picture)
        browser.close()
    return 0


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the dashboard for the lake and warehouse in a folder, and yield its URL."""
    command = [PROGRAM, "serve", "--port", "0", "--as-of", "2025-11-12"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environ()
    ) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            yield line.strip().rstrip("/")
        finally:
            server.terminate()


def run(folder: Path, *arguments: str) -> None:
    """Run `wiki-trends` in a folder, without the settings in the caller's environment."""
    subprocess.run([PROGRAM, *arguments], cwd=folder, env=_environ(), check=True, stdout=subprocess.DEVNULL)


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WIKI_TRENDS_")}


def take(browser: Browser, address: str, picture: Picture) -> None:
    """Open a page, wait until its charts are drawn, and take a screenshot of the window."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(DRAWN)
    if picture.top:
        page.locator(picture.top).evaluate("(node) => node.scrollIntoView({block: 'start'})")
    if picture.click:
        page.locator(picture.click).click()
        page.get_by_role("dialog").get_by_role("heading").first.wait_for()
    IMAGES.mkdir(parents=True, exist_ok=True)
    target = IMAGES / f"{picture.name}.png"
    page.screenshot(path=target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} kB")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
