"""Estimate the time and the cost of a backfill of many days in Airflow: `python -m benchmarks.scaling`.

The program only calculates. Its input is the duration of one pipeline run, which `python -m benchmarks.airflow` measures. In the
model, runs start in waves of `concurrency`, and a wave takes as long as one run. The upstream's rate limit gives a lower bound
that more workers cannot reduce. The cost is the price of the time for which worker slots are occupied.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

DAYS = (30, 365, 3650)
# The number of tasks that may send requests to Wikimedia concurrently.
POOL_SLOTS = 3


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run the pipeline.

    Attributes:
        concurrency: the number of concurrent runs, which is the DAG's `max_active_runs`.
        run_seconds: the duration of one run at this concurrency, in seconds.
        overhead: the time before the first run starts and after the last run has ended, in seconds.
        requests: the number of requests to the upstream for one day.
        rate: the number of requests per minute that the upstream allows.
        slot_hour: the price of a worker slot for one hour.
    """

    concurrency: int
    run_seconds: float
    overhead: float
    requests: float
    rate: float
    slot_hour: float

    def floor_seconds(self, days: int) -> float:
        """Return the shortest duration that the rate limit of the upstream allows, in seconds."""
        return 60 * days * self.requests / self.rate

    def wall_seconds(self, days: int) -> float:
        """Return the duration of the backfill, in seconds."""
        waves_seconds = math.ceil(days / self.concurrency) * self.run_seconds
        return self.overhead + max(waves_seconds, self.floor_seconds(days))

    def slot_hours(self, days: int) -> float:
        """Return the time for which worker slots are occupied, in slot hours. A run occupies one slot at a time.

        A task that waits for the rate limit also occupies a slot, but the pool allows only `POOL_SLOTS` such tasks.
        """
        waiting_seconds = min(self.concurrency, POOL_SLOTS) * self.floor_seconds(days)
        return max(self.run_seconds * days, waiting_seconds) / 3600

    def lines(self) -> list[str]:
        """Return the lines of the table, with a row for each number of days."""
        rows = [
            f"{'days':>6}  {'wall':>9}  {'floor by rate':>13}  {'slot hours':>10}  {'price':>8}  {'requests':>9}"
        ]
        for days in DAYS:
            hours = self.slot_hours(days)
            rows.append(
                f"{days:>6,}  {_time(self.wall_seconds(days)):>9}  {_time(self.floor_seconds(days)):>13}  {hours:>10.2f}  "
                f"{hours * self.slot_hour:>8.2f}  {days * self.requests:>9,.0f}"
            )
        return rows


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _above_zero(text: str) -> float:
    value = float(text)
    if not value > 0:
        message = f"{text} is not more than 0"
        raise argparse.ArgumentTypeError(message)
    return value


def main() -> int:
    """Print the estimate for the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--concurrency", type=int, default=4, help="runs at the same time (default 4)")
    parser.add_argument(
        "--run-seconds", type=_above_zero, required=True, help="seconds of one run at that concurrency"
    )
    parser.add_argument(
        "--overhead", type=float, default=10.0, help="seconds before and after all runs (default 10)"
    )
    parser.add_argument("--requests", type=_above_zero, default=13, help="requests of one day (default 13)")
    parser.add_argument("--rate", type=_above_zero, default=200, help="requests a minute (default 200)")
    parser.add_argument(
        "--slot-hour", type=float, default=0.05, help="price of a slot for an hour (default 0.05)"
    )
    options = parser.parse_args()
    if options.concurrency < 1:
        parser.error(f"--concurrency: {options.concurrency} is not 1 or more")
    sys.stdout.write("\n".join(Scenario(**vars(options)).lines()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
