"""Finds Chromium for tests and screenshots, or installs Debian's package as root (`make browser`).

The program that `CHROMIUM` names is used, else one of the usual names on the path. A browser that Playwright would
download is not used.
"""

from __future__ import annotations

import os
import shutil
import sys

from tools.debian import install, may_install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Liberation: without fonts of its own, a new machine draws every page in a font that users do not have.
PACKAGES = ("chromium", "fonts-liberation")
# A browser without connections of its own, for updates or services.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
)


class NoBrowser(Exception):
    """Chromium is not installed; the text says how to install it."""


def executable() -> str:
    """The path of the browser.

    Raises:
        NoBrowser: it is not installed.
    """
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        path = shutil.which(name)
        if path:
            return path
    where = (
        f"CHROMIUM names {named!r}, which is not a program"
        if named
        else f"none of {', '.join(NAMES)} is on the path"
    )
    raise NoBrowser(
        f"Chromium is not installed ({where}). Run `make browser` as root on Debian or Ubuntu, install Chromium or "
        "Chrome in your system's own way, or name the program in CHROMIUM."
    )


def flags() -> list[str]:
    """The options that it is started with; as root it has no sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def main() -> int:
    """Find or install it, and print its path."""
    try:
        print(executable())
    except NoBrowser as error:
        if os.environ.get("CHROMIUM") or not may_install():
            print(error, file=sys.stderr)
            return 1
        install(PACKAGES)
        print(executable())
    return 0


if __name__ == "__main__":
    sys.exit(main())
