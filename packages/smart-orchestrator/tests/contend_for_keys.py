"""Starts runs of keys until each is done: python contend_for_keys.py STATE LIVE KEYS.

While a run is alive there is a file LIVE/KEY.live, and at its end LIVE/KEY.done. A run that meets the file of another one appends
its key to LIVE/twice.log, and every run appends its key to LIVE/started.log.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from smart_orchestrator.runners.command import CommandRunner

RUN = """
import os, sys, time
live, key = sys.argv[1:]
try:
    os.close(os.open(f"{live}/{key}.live", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    open(f"{live}/twice.log", "a").write(key + "\\n")
with open(f"{live}/started.log", "a") as log:
    log.write(key + "\\n")
time.sleep(0.05)
os.unlink(f"{live}/{key}.live")
open(f"{live}/{key}.done", "w").close()
"""


def main(state, live, keys):
    days = [dt.date(2025, 11, 1) + dt.timedelta(days=number) for number in range(int(keys))]

    def is_done(day):
        return Path(live, f"{day}.done").exists()

    runner = CommandRunner(
        [sys.executable, "-I", "-S", "-c", RUN, live, "{key}"],
        state_dir=Path(state),
        identity="contended",
        is_complete=is_done,
    )
    while not all(is_done(day) for day in days):
        runs = [runner.start(day) for day in days]
        while any(run.in_flight for run in runs):
            runner.wait(0.02)
            runs = runner.poll(runs)


if __name__ == "__main__":
    main(*sys.argv[1:4])
