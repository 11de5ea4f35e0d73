"""Find Redis for the tests with Celery, or install Debian's package as root (`make redis`)."""

from __future__ import annotations

import shutil
import sys

from tools.debian import install, may_install

PROGRAM = "redis-server"


class NoRedis(Exception):
    """Redis is not installed. The message says how to install it."""


def executable() -> str:
    """Return the path of the program `redis-server`.

    Raises:
        NoRedis: Redis is not installed.
    """
    path = shutil.which(PROGRAM)
    if path is None:
        raise NoRedis(
            f"{PROGRAM} is not on the path. Run `make redis` as root on Debian or Ubuntu, or install Redis in your "
            "system's own way."
        )
    return path


def main() -> int:
    """Find or install Redis, and print its path."""
    try:
        print(executable())
    except NoRedis as error:
        if not may_install():
            print(error, file=sys.stderr)
            return 1
        install([PROGRAM])
        print(executable())
    return 0


if __name__ == "__main__":
    sys.exit(main())
