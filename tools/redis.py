"""Redis for the tests on Celery (`make redis`): says where it is, or installs Debian's package when it may."""

from __future__ import annotations

import shutil
import sys

from tools.debian import install, may_install

PROGRAM = "redis-server"


class NoRedis(Exception):
    """There is no Redis; the text says how to get one."""


def executable() -> str:
    """The path of the server.

    Raises:
        NoRedis: there is none.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise NoRedis(
            f"{PROGRAM} is not on the path. Run `make redis` as root on Debian or Ubuntu, or install Redis in your "
            "system's own way."
        )
    return found


def main() -> int:
    """Find or install it, and print its path."""
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
