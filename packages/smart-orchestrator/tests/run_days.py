"""Backfills days of a lake in a process of its own: python run_days.py LAKE STATE HOLD.

Each run of the pipeline appends its day to HOLD.log; while HOLD exists, the pipeline stays in its run.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from smart_orchestrator import LocalRunner, backfill, check, commit
from testing.lakes import WINDOW, plain, version_parts


def main(lake_url, state, hold):
    dataset = plain(lake_url)

    def pipeline(day):
        with Path(hold + ".log").open("a") as log:
            log.write(f"{day}\n")
        while Path(hold).exists():
            time.sleep(0.005)
        commit(dataset, day, version_parts(day.day))

    done = backfill(dataset, lambda: check(dataset, WINDOW), LocalRunner(dataset, pipeline, state))
    sys.stdout.write(f"{len(done.outcome.started)} {len(done.outcome.followed)} {done.completeness.ready}\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
