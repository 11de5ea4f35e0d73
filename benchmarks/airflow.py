"""Measure the orchestrator in a real Airflow (`make bench-airflow`), from the trigger of its run to the end of the analytics.

Each round uses the days of another month, and measures one after another:

- the pipeline alone, for one day at a time;
- the orchestrator on a window of five days, of which two are missing;
- the orchestrator on the same window, of which no day is missing any more.

After the rounds, `wiki-trends backfill` outside of Airflow is measured once, on thirty missing days of March 2025.

All settings have their defaults, with two exceptions: no schedule starts a run, and the pipeline has as many parallel runs as the machine
has processors (`--runs`). With more runs than processors, each run takes longer than the pipeline alone, whoever starts the runs.

The synthetic Wikimedia waits 50 ms before each response. It computes the page views that the orchestrator requests before each measurement,
because the real Wikimedia has them ready.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
import urllib.request
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.timing import BenchmarkFailed
from tools.airflow_stack import DAGS, Stack, airflow_stack
from tools.processes import program
from wiki_trends.sample import SampleOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORCHESTRATOR = "wiki_smart_analytics_orchestrator"
PIPELINE = "wiki_trending_pipeline"
WITHOUT_SCHEDULES = {"WIKI_TRENDS_ORCHESTRATOR_SCHEDULE": "", "WIKI_TRENDS_PIPELINE_SCHEDULE": ""}
# Two limits. The first is for the orchestrator with two missing days minus the pipeline alone, in seconds. The second is for the
# duration of `wiki-trends backfill` divided by the duration of the pipeline alone, for the same number of days in parallel.
TARGETS = {"two_missing_days_difference_s": 12.0, "outside_ratio": 1.3}
LAG = 3
# A page of the synthetic Wikimedia, and the days before a window whose views the orchestrator requests.
PAGE = "Main_Page"
HISTORY = dt.timedelta(days=60)
TIMEOUT = 1800.0


def compute_views(stack: Stack, first: dt.date, last: dt.date) -> None:
    """Let the synthetic Wikimedia compute the page views of a window, of the days before it, and of its own last sixty days."""
    assert stack.sample is not None
    newest = f"{stack.sample.mediawiki_url.format(project='en.wikipedia')}?action=query&format=json&prop=pageviews&titles={PAGE}"
    address = (
        f"{stack.sample.wikimedia_url}/metrics/pageviews/per-article/en.wikipedia/all-access/user/{PAGE}"
    )
    for url in (newest, f"{address}/daily/{first - HISTORY:%Y%m%d}/{last:%Y%m%d}"):
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            response.read()


def duration(stack: Stack, dag_id: str, run_id: str, conf: Mapping[str, object]) -> float:
    """Trigger a run, wait until the run has succeeded, and return the seconds from the trigger to the end of the run."""
    path = f"/dags/{dag_id}/dagRuns"
    stack.api.post(path, {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)})
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        run = stack.api.get(f"{path}/{run_id}")
        if run["state"] in ("success", "failed"):
            break
        time.sleep(0.2)
    if run["state"] != "success":
        raise BenchmarkFailed(f"{dag_id}, run {run_id}: {run['state']}")
    queued_at, ended_at = (dt.datetime.fromisoformat(run[name]) for name in ("queued_at", "end_date"))
    return (ended_at - queued_at).total_seconds()


def two_missing_days(stack: Stack, first: dt.date) -> dict[str, float]:
    """Measure the pipeline alone, and then the orchestrator twice on the same five days: two days are missing, then none."""
    days = [first + dt.timedelta(days=number) for number in range(5)]
    alone = [duration(stack, PIPELINE, f"alone-{day}", {"target_date": str(day)}) for day in days[2:]]
    as_of = days[-1] + dt.timedelta(days=LAG)
    compute_views(stack, first, days[-1])
    conf = {"days": 5, "as_of": str(as_of), "replace_newer": True}
    orchestrated = duration(stack, ORCHESTRATOR, f"two-missing-{first}", conf)
    complete = duration(stack, ORCHESTRATOR, f"none-missing-{first}", conf)
    return {"alone_s": median(alone), "two_missing_s": orchestrated, "none_missing_s": complete}


def outside(stack: Stack, first: dt.date, days: int) -> float:
    """Run `wiki-trends backfill` outside of Airflow for missing days, and return its duration in seconds."""
    last = first + dt.timedelta(days=days - 1)
    command = [program("wiki-trends"), "backfill", "--start", str(first), "--end", str(last)]
    started_at = time.perf_counter()
    completed = subprocess.run(
        command,
        env=dict(stack.environment) | stack.settings,
        cwd=stack.folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if completed.returncode:
        raise BenchmarkFailed(
            f"{' '.join(command)} ended with {completed.returncode}: {completed.stderr[-500:]}"
        )
    return time.perf_counter() - started_at


def measure(stack: Stack, rounds: int, days: int) -> dict[str, Any]:
    """Run the rounds and return the figures. The first round warms up the processes, and is not measured."""
    results = [two_missing_days(stack, dt.date(2024, 1 + number, 5)) for number in range(rounds + 1)][1:]
    alone = median(result["alone_s"] for result in results)
    figures: dict[str, Any] = {
        "rounds": rounds,
        "no_missing_day_s": round(median(result["none_missing_s"] for result in results), 1),
        "pipeline_alone_s": round(alone, 1),
        "two_missing_days_s": round(median(result["two_missing_s"] for result in results), 1),
        "two_missing_days_difference_s": round(
            median(result["two_missing_s"] - result["alone_s"] for result in results), 1
        ),
    }
    if days:
        at_once = stack.api.get(f"/dags/{PIPELINE}")["max_active_runs"]
        seconds = outside(stack, dt.date(2025, 3, 1), days)
        figures |= {
            "outside_days": days,
            "outside_s": round(seconds, 1),
            "runs_at_once": at_once,
            "outside_ratio": round(seconds / (days / at_once * alone), 2),
        }
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Start Airflow, measure, and print the figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds with two missing days")
    parser.add_argument(
        "--days", type=int, default=30, help="days for `wiki-trends backfill` from outside; 0 leaves it out"
    )
    parser.add_argument("--runs", type=int, default=os.cpu_count(), help="parallel runs of the pipeline")
    parser.add_argument("--executor", default="LocalExecutor", help="Airflow's executor")
    options = parser.parse_args(arguments)
    with airflow_stack(
        executor=options.executor,
        sample=SampleOptions(latency=0.05),
        extra=WITHOUT_SCHEDULES | {"WIKI_TRENDS_PIPELINE_RUNS": str(options.runs)},
        say=lambda text: print(text, flush=True),
    ) as stack:
        stack.until_parsed(*(path.stem for path in sorted(DAGS.glob("wiki_*.py"))))
        print(
            f"{options.executor}, {options.rounds} rounds: {PIPELINE} alone, then {ORCHESTRATOR} on 5 days, 2 of them missing"
        )
        figures = measure(stack, options.rounds, options.days)
    print(json.dumps(figures, indent=1))
    for name, target in TARGETS.items():
        if name in figures:
            verdict = "at most" if figures[name] <= target else "MORE THAN"
            print(f"{name}: {figures[name]}, {verdict} {target}")


if __name__ == "__main__":
    try:
        main()
    except BenchmarkFailed as error:
        sys.exit(f"error: {error}")
