"""Starts runs of keys until each has succeeded: python contend_for_keys.py STATE LIVE KEYS.

Each run creates the file LIVE/KEY.live, fails when another run has created it, appends the key to LIVE/started.log, and removes it.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from smart_orchestrator.model.run import RunState
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
"""


def main(state, live, keys):
    days = [dt.date(2025, 11, 1) + dt.timedelta(days=number) for number in range(int(keys))]
    runner = CommandRunner(
        [sys.executable, "-I", "-S", "-c", RUN, live, "{key}"], state_dir=Path(state), identity="contended"
    )
    while open_days := [day for day in days if not _succeeded(runner, day)]:
        runs = [runner.start(day) for day in open_days]
        while any(run.in_flight for run in runs):
            runner.wait(0.02)
            runs = runner.poll(runs)


def _succeeded(runner, day):
    run = runner.latest([day]).get(day)
    return run is not None and run.state is RunState.SUCCEEDED


if __name__ == "__main__":
    main(*sys.argv[1:4])
