"""Chromium for tests and screenshots (`make browser`): says where it is, or installs Debian's package when it may.

Looked for: what `CHROMIUM` names, then the usual names on the path. A browser that Playwright would download is not used.
"""

from __future__ import annotations

import os
import shutil
import sys

from tools.debian import install, may_install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Liberation: without any font of its own a fresh machine draws every page in one that nobody has.
PACKAGES = ("chromium", "fonts-liberation")
# A browser that calls nobody: neither for updates nor for its own services.
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
    """There is no Chromium; the text says how to get one."""


def executable() -> str:
    """The path of the browser.

    Raises:
        NoBrowser: there is none.
    """
    given = os.environ.get("CHROMIUM")
    for name in (given,) if given else NAMES:
        found = shutil.which(name)
        if found:
            return found
    where = (
        f"CHROMIUM names {given!r}, which is no program"
        if given
        else f"none of {', '.join(NAMES)} is on the path"
    )
    raise NoBrowser(
        f"Chromium is not installed ({where}). Run `make browser` as root on Debian or Ubuntu, install Chromium or "
        "Chrome in your system's own way, or name the program in CHROMIUM."
    )


def flags() -> list[str]:
    """What it is started with; as root it has no sandbox."""
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
