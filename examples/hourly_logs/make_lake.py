"""Create the lake of the example: hourly folders of logs for two days in Berlin, without one hour.

In Berlin, 30 March 2025 has 23 hours, because the clocks go forward.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

FIRST = dt.datetime(2025, 3, 28, 23, tzinfo=dt.UTC)
HOURS = 47
MISSING_HOUR = dt.datetime(2025, 3, 30, 1, tzinfo=dt.UTC)
# 2025-03-31 06:00 UTC. The files must be older than the settle time, or they would count as being written.
WRITTEN_AT = 1_743_400_800


def main() -> None:
    """Write `lake/`."""
    shutil.rmtree("lake", ignore_errors=True)
    for number in range(HOURS):
        hour = FIRST + dt.timedelta(hours=number)
        if hour == MISSING_HOUR:
            continue
        path = Path(f"lake/logs/{hour:%Y-%m-%d}/{hour:%H}/part-0.csv")
        path.parent.mkdir(parents=True)
        path.write_text("path,visits\n/,3\n/about,1\n", encoding="utf-8")
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))


if __name__ == "__main__":
    main()
