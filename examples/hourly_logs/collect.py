"""The existing pipeline of the example. It writes the logs of one hour; the argument is the start, `2025-03-30T01:00:00Z`."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path


def main() -> None:
    """Write the logs of the hour that the argument names."""
    hour = dt.datetime.fromisoformat(sys.argv[1])
    path = Path(f"lake/logs/{hour:%Y-%m-%d}/{hour:%H}/part-0.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("path,visits\n/,3\n/about,1\n", encoding="utf-8")


if __name__ == "__main__":
    main()
