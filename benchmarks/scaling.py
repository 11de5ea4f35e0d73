"""How long a backfill of many days takes in Airflow, and what it costs: `python -m benchmarks.scaling`.

A model, not a measurement: it is fed with the seconds of one run of the pipeline at a certain concurrency, which
`make test-airflow` and `make test-celery` print. Runs go in waves of `concurrency`; a wave takes as long as one run of it. The
source's rate is a floor below which no number of workers gets. Cost is the time for which worker slots are held.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

DAYS = (30, 365, 3650)
# Tasks that ask Wikimedia at the same time.
POOL = 3


@dataclass(frozen=True, slots=True)
class Set:
    """One way to run the pipeline.

    Attributes:
        concurrency: runs that work at the same time, the DAG's `max_active_runs`.
        run_seconds: seconds of one run while so many work.
        overhead: seconds before the first run works and after the last has ended.
        requests: requests to the source for one day.
        rate: requests a minute that the source allows.
        slot_hour: price of a worker slot for an hour.
    """

    concurrency: int
    run_seconds: float
    overhead: float
    requests: float
    rate: float
    slot_hour: float

    def floor_seconds(self, days: int) -> float:
        """What the source's rate asks for."""
        return 60 * days * self.requests / self.rate

    def wall_seconds(self, days: int) -> float:
        """From the start of the backfill to its end."""
        waves = math.ceil(days / self.concurrency) * self.run_seconds
        return self.overhead + max(waves, self.floor_seconds(days))

    def slot_hours(self, days: int) -> float:
        """Worker slots times the hours for which runs hold them; a run holds one at a time.

        Whoever waits for the rate holds one too, but the pool lets no more than three tasks ask.
        """
        waiting = min(self.concurrency, POOL) * self.floor_seconds(days)
        return max(self.run_seconds * days, waiting) / 3600

    def lines(self) -> list[str]:
        """The table, a row for each number of days."""
        found = [
            f"{'days':>6}  {'wall':>9}  {'floor by rate':>13}  {'slot hours':>10}  {'price':>8}  {'requests':>9}"
        ]
        for days in DAYS:
            hours = self.slot_hours(days)
            found.append(
                f"{days:>6,}  {_time(self.wall_seconds(days)):>9}  {_time(self.floor_seconds(days)):>13}  {hours:>10.2f}  "
                f"{hours * self.slot_hour:>8.2f}  {days * self.requests:>9,.0f}"
            )
        return found


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
    """Print the model for what is given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--concurrency", type=int, default=4, help="runs at the same time (default 4)")
    parser.add_argument(
        "--run-seconds", type=_above_zero, required=True, help="seconds of one run while so many work"
    )
    parser.add_argument(
        "--overhead", type=float, default=10.0, help="seconds before and after all runs (default 10)"
    )
    parser.add_argument("--requests", type=_above_zero, default=13, help="requests of one day (default 13)")
    parser.add_argument("--rate", type=_above_zero, default=200, help="requests a minute (default 200)")
    parser.add_argument(
        "--slot-hour", type=float, default=0.05, help="price of a slot for an hour (default 0.05)"
    )
    given = parser.parse_args()
    if given.concurrency < 1:
        parser.error(f"--concurrency: {given.concurrency} is not 1 or more")
    sys.stdout.write("\n".join(Set(**vars(given)).lines()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
