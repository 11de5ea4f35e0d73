"""Models the time and the cost of a backfill of many days in Airflow: `python -m benchmarks.scaling`.

A model, not a measurement: its input is the seconds of one run of the pipeline at a certain concurrency, which
`make test-airflow` and `make test-celery` print. Runs go in waves of `concurrency`; a wave takes as long as one run of it. The
upstream's rate is a lower bound for any number of workers. The cost is the time for which worker slots are occupied.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

DAYS = (30, 365, 3650)
# Tasks that send requests to Wikimedia at the same time.
POOL = 3


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run the pipeline.

    Attributes:
        concurrency: runs that work at the same time, the DAG's `max_active_runs`.
        run_seconds: seconds of one run at that concurrency.
        overhead: seconds before the first run works and after the last has ended.
        requests: requests to the upstream for one day.
        rate: requests a minute that the upstream allows.
        slot_hour: price of a worker slot for an hour.
    """

    concurrency: int
    run_seconds: float
    overhead: float
    requests: float
    rate: float
    slot_hour: float

    def floor_seconds(self, days: int) -> float:
        """The seconds that the upstream's rate needs."""
        return 60 * days * self.requests / self.rate

    def wall_seconds(self, days: int) -> float:
        """From the start of the backfill to its end."""
        waves = math.ceil(days / self.concurrency) * self.run_seconds
        return self.overhead + max(waves, self.floor_seconds(days))

    def slot_hours(self, days: int) -> float:
        """Worker slots times the hours for which runs occupy them; a run occupies one at a time.

        A task that waits for the rate occupies one too, but the pool admits only three of them.
        """
        waiting = min(self.concurrency, POOL) * self.floor_seconds(days)
        return max(self.run_seconds * days, waiting) / 3600

    def lines(self) -> list[str]:
        """The table, a row for each number of days."""
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
    """Print the model for the arguments."""
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
