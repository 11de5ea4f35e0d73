"""Finds Chromium for tests and screenshots, or installs Debian's package as root (`make browser`).

The variable `CHROMIUM` can name the program. Otherwise, the module searches the path for the usual names. It does not use the
browsers that Playwright downloads.
"""

from __future__ import annotations

import os
import shutil
import sys

from tools.debian import install, may_install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The Liberation fonts make the pages look as on users' machines; a new machine has no such fonts.
PACKAGES = ("chromium", "fonts-liberation")
# These options turn off connections for updates and services.
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
    """Chromium is not installed. The message says how to install it."""


def executable() -> str:
    """Return the path of the browser.

    Raises:
        NoBrowser: Chromium is not installed.
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
    """Return the options with which to start the browser. As root, Chromium must run without a sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def main() -> int:
    """Find or install Chromium, and print its path."""
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
