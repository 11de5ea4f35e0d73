"""Check `compose.yaml` with Docker's client (a part of `make lint`). If no client is installed, say that nothing was checked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.compose_env import missing_lines

ROOT = Path(__file__).parents[1]
CLIENT_COMMANDS = (["docker", "compose"], ["docker-compose"])


def find_client() -> list[str] | None:
    """Return the command that reads compose files; None if no such command is installed."""
    for command in CLIENT_COMMANDS:
        if shutil.which(command[0]) is None:
            continue
        version = subprocess.run(
            [*command, "version", "--short"], capture_output=True, text=True, check=False
        )
        if version.returncode == 0:
            return command
    return None


def main() -> int:
    """Check `compose.yaml` with new values for its variables, as `make compose-env` would write them."""
    command = find_client()
    if command is None:
        print("compose.yaml was NOT checked: neither `docker compose` nor `docker-compose` is installed")
        return 0
    values = dict(line.split("=", 1) for line in missing_lines("")) | {
        "WIKI_TRENDS_CONTACT": "lint@example.org"
    }
    result = subprocess.run(
        [*command, "-f", str(ROOT / "compose.yaml"), "--profile", "celery", "config", "--quiet"],
        env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")} | values,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        print(result.stderr, file=sys.stderr)
        return 1
    print(f"compose.yaml was read by `{' '.join(command)}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
