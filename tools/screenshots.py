"""The pictures in `docs/images`, taken anew (`make screenshots`): the demo's report, at three widths, light and dark.

They are of the synthetic data that `wiki-trends demo` makes, so they change only when the pages do. Needs Chromium and
no network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tools.browser import NoBrowser, executable, flags

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PROGRAM = str(Path(sys.executable).with_name("wiki-trends"))
DRAWN = "() => [...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn === 'true')"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name, the size of the window in pixels, the colours, and what is at the top of it."""

    name: str
    width: int
    height: int
    scheme: str = "light"
    top: str = ""


REPORT = (
    Picture("report-wide", 1440, 1000),
    Picture("report-charts", 1440, 1080, "dark", "#race"),
    Picture("report-tablet", 820, 1100, "dark"),
    Picture("report-phone", 390, 844),
)


def main() -> int:
    """Take all pictures."""
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
        browser.close()
    return 0


def run(folder: Path, *arguments: str) -> None:
    """Run `wiki-trends` in a folder, without settings from outside."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WIKI_TRENDS_")}
    subprocess.run([PROGRAM, *arguments], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)


def take(browser: Browser, address: str, picture: Picture) -> None:
    """Open an address, wait for its charts, and keep what a reader sees first, or from `top` on."""
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
    IMAGES.mkdir(parents=True, exist_ok=True)
    target = IMAGES / f"{picture.name}.png"
    page.screenshot(path=target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} kB")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
