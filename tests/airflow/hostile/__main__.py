"""Treat an Airflow badly for an hour, and check that nothing was lost, run twice, or told wrongly.

    .venv-airflow/bin/python -m tests.airflow.hostile --minutes 60 --seed 1

Hands clear, mark and delete runs and tasks, pause Dags, kill the parts of Airflow, start Airflow's own backfills, change `max_active_runs`, and break
the connection to the API, while windows with missing days are asked for. At the end everything is repaired, and each window is asked for
once more, as the next night would do. The addresses of the messages are never broken, because a failure then cannot be told.

Exit code: 0 if all checks hold, else 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from testing.message_receiver import Receiver
from tests.airflow.conftest import QUICK
from tests.airflow.hostile.checks import (
    days_lost,
    failures_not_told_once,
    false_messages,
    records,
    runs_twice,
)
from tests.airflow.hostile.hands import ORCHESTRATOR, PIPELINE, Hands
from tools.airflow_stack import airflow_stack

# After everything is repaired: how long no run may change its state. A busy machine leaves a long queue of runs, which is no fault.
SETTLE_SECONDS = 600.0
WINDOW_DAYS = 20


class Arrivals(list):
    """A list whose items are pairs of the time of the `append` and the item."""

    def append(self, item):
        super().append((time.time(), item))


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.airflow.hostile", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the hands are at work")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the random choices")
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path("build/hostile"),
        help="the folder for the logs of Airflow's parts, the records and the messages, if a check does not hold",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    with tempfile.TemporaryDirectory(prefix="hostile-dags-") as folder:
        shutil.copy(Path(__file__).parent / "hostile_dag.py", folder)
        extra = QUICK | {
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE": "50",
        }
        with Receiver(Arrivals()) as receiver, prepared_stack(Path(folder), extra, say) as stack:
            violations = ["it did not come to an end"]
            try:
                violations = treat(stack, receiver, options, say)
            finally:
                if violations:
                    keep(stack, receiver.received, options.keep)
                    say(f"logs, records and messages: {options.keep}")
    sys.exit(1 if violations else 0)


def prepared_stack(folder, extra, say):
    """The stack. The file with the number must be there when the Dag file is parsed first."""
    number = folder / "max_active_runs"
    number.write_text("4")
    return airflow_stack(dags=folder, extra=extra | {"HOSTILE_NUMBER": str(number)}, say=say)


def treat(stack, receiver, options, say):
    """Let the hands work, repair everything, and return what does not hold."""
    arrivals = receiver.received
    hands = Hands(stack, options.seed, say)
    stack.until_parsed(ORCHESTRATOR, PIPELINE)
    hands.connect()
    stack.api.post("/variables", {"key": "hostile_notify", "value": receiver.url})
    hands.run(options.minutes * 60)
    say("repairing everything")
    hands.heal()
    settle(hands, say)
    say("asking for every window once more")
    for first, last in spans(hands.windows):
        hands.orchestrate(first, last)
    unended = settle(hands, say)
    return report(stack, hands, arrivals, unended)


def settle(hands, say):
    """Wait until no run is in flight. Return the runs that have not ended when nothing changes any more."""
    before: list[str] = []
    deadline = time.monotonic() + SETTLE_SECONDS
    while unended := hands.unended():
        hands.heal()
        if unended != before:
            before, deadline = unended, time.monotonic() + SETTLE_SECONDS
        if time.monotonic() > deadline:
            return unended
        say(f"{len(unended)} runs are in flight")
        time.sleep(10)
    return []


def spans(windows):
    """Windows that together have all days of these windows, none of them long."""
    days = sorted(
        {first + dt.timedelta(days=n) for first, last in windows for n in range((last - first).days + 1)}
    )
    groups: list[list[dt.date]] = []
    for day in days:
        joins = groups and (day - groups[-1][-1]).days == 1 and len(groups[-1]) < WINDOW_DAYS
        groups[-1].append(day) if joins else groups.append([day])
    return [(group[0], group[-1]) for group in groups]


def report(stack, hands, arrivals, unended):
    """Print what was done and what does not hold; return the latter."""
    journal = hands.journal
    runs = hands.all_runs(ORCHESTRATOR)
    number_of_days, lost = days_lost(stack, hands.windows)
    checks = {
        "no day lost": lost,
        "no run twice": runs_twice(stack, journal.days),
        "no false message": false_messages(stack, arrivals, journal),
        "every failure told once with its reason": failures_not_told_once(runs, arrivals, journal),
        "every run ended": unended,
        "no answer with HTTP 5xx": journal.errors,
    }
    print("hands:")
    for what, count in sorted(journal.done.items()):
        print(f"  {count:4} {what}")
    for what, count in sorted(journal.refused.items()):
        print(f"  {count:4} refused: {what}")
    failed = sum(run["state"] == "failed" for run in runs)
    print(
        f"{len(runs)} runs of the orchestrator, {failed} of them failed; {number_of_days} days asked for; "
        f"{len(records(stack, 'began'))} executions of the pipeline; {len(arrivals)} messages"
    )
    for name, found in checks.items():
        print(f"{'ok  ' if not found else 'FAIL'} {name}")
        for line in found:
            print(f"       {line}")
    return [line for found in checks.values() for line in found]


def keep(stack, arrivals, folder):
    """Copy the logs of Airflow's parts, of the tasks, the records and the messages."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*stack.folder.glob("*.log"), stack.folder / "records.jsonl"]:
        if path.exists():
            shutil.copy(path, folder)
    (folder / "messages.json").write_text(json.dumps(arrivals, indent=1))
    shutil.copytree(stack.folder / "logs", folder / "logs", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
