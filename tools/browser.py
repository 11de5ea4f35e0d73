"""Find Chromium for tests and screenshots, or install Debian's package as root (`make browser`).

The variable `CHROMIUM` can name the program. Otherwise, the module searches the path for the usual names. The module does not use
the browsers that Playwright downloads.
"""

from __future__ import annotations

import os
import shutil
import sys

from tools.debian import install, may_install

PROGRAM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A new machine has no fonts. With the Liberation fonts, the pages look as they do on the machines of users.
PACKAGES = ("chromium", "fonts-liberation")
# `--disable-gpu` and `--no-first-run` are for machines without a screen. The other options prevent requests to other hosts, such as
# those for updates, and the protocol QUIC.
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
    configured_name = os.environ.get("CHROMIUM")
    for name in (configured_name,) if configured_name else PROGRAM_NAMES:
        path = shutil.which(name)
        if path:
            return path
    reason = (
        f"CHROMIUM names {configured_name!r}, which is not a program"
        if configured_name
        else f"none of {', '.join(PROGRAM_NAMES)} is on the path"
    )
    raise NoBrowser(
        f"Chromium is not installed ({reason}). Run `make browser` as root on Debian or Ubuntu, install Chromium or "
        "Chrome in your system's own way, or name the program in CHROMIUM."
    )


def flags() -> list[str]:
    """Return the command-line options of the browser. As root, they turn off the sandbox, with which Chromium would not start."""
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
