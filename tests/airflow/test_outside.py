"""`wiki-trends` and the documented scripts outside of Airflow: they start and follow runs in it, alone and beside others."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from tests.airflow.orchestrated import ORCHESTRATOR, PIPELINE, days_between, moment, runs_of, trigger
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

ROOT = Path(__file__).parents[2]
SMALL = {"WIKI_TRENDS_LAKE": "s3://lake/small/{layer}", "WIKI_TRENDS_AIRFLOW_DAG": "small_pipeline"}


class Outside:
    """Commands with the settings of somebody whose machine is not Airflow's."""

    def __init__(self, stack, folder):
        kept = {name: stack.environment[name] for name in ("PATH", "HOME")}
        self.environment = kept | stack.settings | {"WIKI_TRENDS_STATE": str(folder / "state")}
        self._folder = folder

    def start(self, *words, **settings):
        command = [sys.executable, "-m", "wiki_trends", *words]
        if words[0].endswith(".py"):
            command = [sys.executable, str(ROOT / words[0]), *words[1:]]
        return subprocess.Popen(
            command,
            env=self.environment | settings,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, **settings):
        process = self.start(*words, **settings)
        out, err = process.communicate(timeout=400)
        return process.returncode, out, err


@pytest.fixture
def outside(stack, tmp_path):
    stack.until_parsed(PIPELINE, ORCHESTRATOR, "small_pipeline")
    return Outside(stack, tmp_path)


def most_at_once(runs, since):
    """Return the largest number of runs that had reached the time `since` and had not ended, at the same time."""
    edges = sorted(edge for run in runs for edge in ((moment(run[since]), 1), (moment(run["end_date"]), -1)))
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_month_is_fetched_by_the_script_with_a_line_a_day(stack, outside):
    words = ("check_and_fetch_data.py", "--days", "30", "--as-of", "2025-07-03", "--auto")
    code, out, err = outside.run(*words, **SMALL)

    days = days_between("2025-06-01", "2025-06-30")
    assert (code, err) == (0, ""), out
    assert re.findall(r"^\[\d+/30\] (\S+) started \(run (\S+)\)$", out, re.MULTILINE) == [
        (day, f"{day}.1") for day in days
    ]
    assert sorted(re.findall(r"^\[\d+/30\] (\S+) done, 1 row", out, re.MULTILINE)) == days
    runs = runs_of(stack, "small_pipeline", days[0], days[-1])
    assert sorted(run["dag_run_id"] for run in runs) == [f"{day}.1" for day in days]
    # Airflow runs at most four at a time, and as many more are queued.
    assert 1 < most_at_once(runs, "start_date") <= 4 < most_at_once(runs, "queued_at") <= 8


def test_of_bad_days_it_says_why_and_where_the_log_is(stack, outside):
    # A backfill would end with the first of them: its window can no longer become ready.
    days = days_between("2025-11-12", "2025-11-15")
    code, out, _ = outside.run("fetch", *days, "--json", **SMALL)

    failed = {run["day"]: run for run in json.loads(out)["failed"]}
    assert code == 1
    assert {day: run["failure"] for day, run in failed.items()} == {
        "2025-11-13": "ERROR",
        "2025-11-14": "NOT_PUBLISHED",
        "2025-11-15": "NO_DATA_AFTER_SUCCESS",
    }
    assert (
        failed["2025-11-13"]["message"] == "task work failed: AirflowFailException: no luck with 2025-11-13"
    )
    assert failed["2025-11-13"]["url"].startswith(f"{stack.url}/dags/small_pipeline/runs/2025-11-13.")


def test_the_doctor_says_whether_the_pipeline_can_run(stack, outside):
    code, out, _ = outside.run("doctor", "--json", **SMALL)
    (runner,) = [item for item in json.loads(out) if item["thing"] == "runner"]
    assert runner["text"] == f"answers: {stack.url}, DAG small_pipeline with 4 runs at the same time"

    settings = SMALL | {"WIKI_TRENDS_AIRFLOW_DAG": "paused_pipeline"}
    code, out, _ = outside.run("doctor", "--json", **settings)
    (runner,) = [item for item in json.loads(out) if item["thing"] == "runner"]
    assert code == 3
    assert runner["text"].endswith("Switch it on: airflow dags unpause paused_pipeline.")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_three_that_start_at_once_run_no_day_twice(product, outside):
    stack = product
    start, end, as_of = "2024-05-01", "2024-05-05", "2024-05-08"
    seen = trigger(stack, PIPELINE, {"target_date": start}, run_id="by-hand-and-seen")

    script = outside.start("check_and_fetch_data.py", "--days", "5", "--as-of", as_of, "--auto")
    orchestrator = trigger(stack, ORCHESTRATOR, {"start": start, "end": end, "as_of": as_of})
    meanwhile = trigger(stack, PIPELINE, {"target_date": "2024-05-02"}, run_id="by-hand-meanwhile")
    out, err = script.communicate(timeout=500)
    orchestrator.ended()

    assert (script.returncode, err) == (0, ""), out
    assert orchestrator.state == "success", orchestrator.logs()
    assert (seen.state, meanwhile.state) == ("success", "success")
    runs = {day: [] for day in days_between(start, end)}
    for run in runs_of(stack, PIPELINE, start, end):
        runs[run["conf"]["target_date"]].append(run["dag_run_id"])
    # What was there before is followed by both; what comes at the same moment may be run beside it.
    assert runs.pop(start) == ["by-hand-and-seen"]
    assert set(runs.pop("2024-05-02")) - {"2024-05-02.1"} == {"by-hand-meanwhile"}
    assert runs == {day: [f"{day}.1"] for day in days_between("2024-05-03", end)}
    dataset = layers(load()).diamond
    window = Window.between(dt.date.fromisoformat(start), dt.date.fromisoformat(end), dt.date(2026, 1, 1))
    assert check(dataset, window).complete
