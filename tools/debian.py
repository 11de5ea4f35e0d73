"""Install packages of Debian or Ubuntu with apt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def may_install() -> bool:
    """Return whether this process runs as root on a system with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """Install packages without asking.

    Raises:
        subprocess.CalledProcessError: apt failed, after it printed its messages to stderr.
    """
    print(f"Installing {' and '.join(packages)} (once)", file=sys.stderr)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-qq", *command], check=True, stdout=subprocess.DEVNULL, env=environ)
