"""What must hold after the hands: no day lost, no run twice, no false message, every failure told once with its reason."""

from __future__ import annotations

import datetime as dt
import json
import re
from itertools import combinations

RUN_OF = re.compile(r"^Run: .*/dags/hostile_orchestrator/runs/(.+)$", re.MULTILINE)
REASONS = ("Problem: ", " failed (run ", " is not there yet")


def records(stack, kind):
    lines = (stack.folder / "records.jsonl").read_text().splitlines()
    return [item for item in map(json.loads, lines) if item["kind"] == kind]


def days_lost(stack, windows):
    """The days of all windows that are not in the lake, and the days that a consumer was given although they were not there."""
    days = {
        first + dt.timedelta(days=number)
        for first, last in windows
        for number in range((last - first).days + 1)
    }
    lake = stack.folder / "hostile-lake"
    hopeless = {item["day"] for item in records(stack, "ended") if item["is_hopeless"]}
    lost = sorted(
        day for day in days if str(day) not in hopeless and not (lake / f"day={day}/_SUCCESS").exists()
    )
    found = [f"{day} is not in the lake" for day in lost]
    return len(days), found + [
        f"the consumer of {item['run']} was given {', '.join(item['gone'])}, which is not there"
        for item in records(stack, "consumed")
        if item["gone"]
    ]


def runs_twice(stack, interfered):
    """The days that two runs made at the same time, or that a run made although they were complete.

    A hand that marks or deletes a run of the pipeline makes the day due again while the process of the run may still be at work.
    """
    ends = {(item["run"], item["try"]): item["at"] for item in records(stack, "ended")}
    by_day: dict[str, list] = {}
    for item in records(stack, "began"):
        # A killed process has no end.
        end = ends.get((item["run"], item["try"]), item["at"])
        by_day.setdefault(item["day"], []).append((item["at"], end, item["run"], item["was_complete"]))
    found = []
    for day in by_day.keys() - interfered:
        known = set()
        for _began, _ended, run, was_complete in sorted(by_day[day]):
            if was_complete and run not in known:
                found.append(f"{day} was complete when the run {run} began")
            known.add(run)
        found += [
            f"{day}: the run {second[2]} began before the run {first[2]} had ended"
            for first, second in combinations(sorted(by_day[day]), 2)
            if first[2] != second[2] and second[0] < first[1]
        ]
    return found


def false_messages(stack, received, journal):
    """The messages that say what is not so."""
    consumed: dict[str, list[float]] = {}
    for item in records(stack, "consumed"):
        consumed.setdefault(item["run"], []).append(item["at"])
    found = []
    for at, message in received:
        run = run_of(message)
        times = [time for time in consumed.get(run, ()) if time <= at]
        if message["title"] == "hostile: analytics done":
            if not times:
                found.append(f"{run} was told as done, but its consumer has not run")
        elif times:
            touched = any(times[-1] <= time <= at for time in journal.touched.get(run, ()))
            if not touched:
                found.append(f"{run} was told as failed after its consumer had run: {message['message']}")
    return found


def failures_not_told_once(runs, received, journal):
    """The runs that were told not at all, too often, or without a reason.

    A process that is killed between the delivery of a message and the report of its success is started again by Airflow, and sends the
    message again: a failure is rather told twice than not at all.
    """
    told: dict[str, list[float]] = {}
    found = []
    for at, message in received:
        run = run_of(message)
        told.setdefault(run, []).append(at)
        if message["type"] == "failure" and not any(reason in message["message"] for reason in REASONS):
            found.append(f"{run} was told as failed without a reason: {message['message']}")
    for run in runs:
        name = run["dag_run_id"]
        if name in journal.deleted or run["state"] not in ("failed", "success"):
            continue
        times, touches = told.get(name, []), len(journal.touched.get(name, ()))
        kills = sum(times[0] - 5 <= killed <= times[-1] for killed in journal.killed) if times else 0
        if len(times) > 1 + touches + kills:
            found.append(f"{name} was told {len(times)} times, and touched {touches} times")
        if not times and name not in journal.marked:
            found.append(f"{name} has {run['state']}, and was not told")
    return found


def run_of(message):
    match = RUN_OF.search(message["message"])
    return match[1] if match else "a run without a URL"
