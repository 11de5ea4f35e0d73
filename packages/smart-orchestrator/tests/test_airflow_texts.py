"""The parts of the orchestrator that do not need Airflow: the parameters of a run, and the texts about it."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from itertools import accumulate, islice

import pytest

from smart_orchestrator import Policy, Window, WindowError, check, write_frame
from smart_orchestrator.adapters.manifest import Depth
from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import (
    RunSummary,
    abbreviated,
    not_ready_text,
    notification,
    problem_lines,
)
from smart_orchestrator.airflow.params import SCHEMAS, request_of
from smart_orchestrator.backfilling.polling import poll_pauses
from smart_orchestrator.backfilling.state import Outcome
from smart_orchestrator.model.plan import make_plan
from smart_orchestrator.model.run import Failure, Run, RunState
from testing.lakes import WINDOW, frame, pages

DAYS = list(WINDOW)
RUN_DAY = dt.date(2025, 11, 12)
DEFAULTS = dict.fromkeys(SCHEMAS) | {"days": 5, "min_coverage": 100, "dry_run": False}
FAILED = Run(
    "2025-11-06.1",
    DAYS[1],
    1,
    RunState.FAILED,
    ours=True,
    failure=Failure.ERROR,
    message="task write failed: ValueError: no luck",
    url="https://airflow/runs/2025-11-06.1",
)


def request(**conf):
    return request_of(conf, DEFAULTS | conf, RUN_DAY, 3)


def test_a_run_without_conf_asks_for_the_last_days_before_its_own_day():
    assert request().window == Window.of_days(5, RUN_DAY)
    assert request().policy == Policy()
    assert not request().dry_run


@pytest.mark.parametrize(
    ("conf", "window"),
    [
        ({"days": 7}, "2025-11-03 .. 2025-11-09"),
        ({"days": 1, "as_of": "2025-11-01"}, "2025-10-29 .. 2025-10-29"),
        ({"start": "2025-10-01", "end": "2025-10-31"}, "2025-10-01 .. 2025-10-31"),
        # Airflow's form sends every parameter, also those that nobody touched.
        ({"days": 5, "start": "2025-10-01", "end": "2025-10-02", "as_of": None}, "2025-10-01 .. 2025-10-02"),
    ],
)
def test_windows(conf, window):
    assert str(request(**conf).window) == window


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"as_of": "2025-11-13"}, "as_of: 2025-11-13 is after 2025-11-12, the UTC day of this run"),
        ({"dayz": 3}, "conf: 'dayz' is not a parameter of this DAG. Did you mean days?"),
        (
            {"zzz": 3},
            "The parameters are: days, as_of, start, end, min_coverage, min_days, allow_lag, strict, depth, dry_run.",
        ),
        ({"end": "2025-11-01"}, "end: 2025-11-01 was given without start"),
        ({"start": "2025-11-02", "end": "2025-11-01"}, "end: 2025-11-01 is before the start"),
        ({"days": 99999}, "days: 99999 is not between 1 and 3660"),
        ({"as_of": "soon"}, "as_of: 'soon' is not a day"),
    ],
)
def test_what_makes_no_window_says_why(conf, said):
    with pytest.raises(WindowError) as error:
        request(**conf)
    assert said in str(error.value)


def test_min_coverage_is_the_policy():
    assert request(min_coverage=80).policy == Policy(min_coverage=80)


def test_the_other_parameters_of_the_policy_and_of_the_check():
    asked = request(min_days=3, allow_lag=True, strict=True, depth="rows")
    assert asked.policy == Policy(min_days=3, allow_lag=True, strict=True)
    assert asked.depth is Depth.ROWS
    assert request().depth is Depth.AS_NEEDED


def test_long_lists_say_how_much_more_there_is():
    assert abbreviated([]) == ""
    assert abbreviated(["a", "b"]) == "a, b"
    assert abbreviated(list("abcde"), 2) == "a, b and 3 more"


@pytest.fixture
def found(tmp_path):
    dataset = pages(str(tmp_path))
    for day in DAYS[2:]:
        write_frame(dataset, day, frame())
    return check(dataset, WINDOW)


def test_a_window_that_is_not_ready_is_told_with_day_reason_and_log(found):
    outcome = Outcome((), (FAILED,), (FAILED,), (), ((DAYS[0], "no end after 3 s"),))
    text = not_ready_text(found, outcome)
    assert "2025-11-05 .. 2025-11-09 is not ready: coverage 60.0 %, missing 2025-11-05, 2025-11-06." in text
    assert (
        "2025-11-06 failed (run 2025-11-06.1, ERROR): task write failed: ValueError: no luck -- https" in text
    )
    assert "2025-11-05 is not there yet: no end after 3 s" in text


def test_a_day_that_is_no_longer_waited_for_has_the_link_of_its_run():
    running = replace(FAILED, state=RunState.RUNNING, failure=None, message="")
    outcome = Outcome((), (), (running,), (), ((DAYS[1], "the window can no longer become ready"),))
    [line] = problem_lines(outcome.to_json())
    assert line.startswith(
        "2025-11-06 is not there yet, its run 2025-11-06.1 is running: the window can no longer"
    )
    assert line.endswith(" -- https://airflow/runs/2025-11-06.1")


def test_days_within_the_lag_are_told_too(tmp_path):
    window = Window.between(DAYS[-1], RUN_DAY, RUN_DAY)
    dataset = pages(str(tmp_path))
    write_frame(dataset, DAYS[-1], frame())
    assert "within the lag 2025-11-10, 2025-11-11, 2025-11-12" in not_ready_text(check(dataset, window))


def test_the_message_of_a_run_that_is_done():
    outcome = Outcome((DAYS[0], DAYS[1]), (), (), ()).to_json()
    summary = RunSummary(
        "diamond",
        consumer_ran=True,
        window="2025-11-05 .. 2025-11-09",
        coverage_pct=100.0,
        outcome=outcome,
        url="https://airflow/run",
    )
    title, text = notification(summary)
    assert title == "diamond: analytics done"
    assert text.splitlines() == [
        "Window: 2025-11-05 .. 2025-11-09",
        "Coverage: 100.0 %",
        "Days filled: 2025-11-05, 2025-11-06",
        "Days failed: none",
        "Run: https://airflow/run",
    ]


def test_the_message_of_a_run_that_failed():
    outcome = Outcome((DAYS[0],), (FAILED,), (FAILED,), ()).to_json()
    title, text = notification(RunSummary("diamond", coverage_pct=80.0, outcome=outcome))
    assert title == "diamond: FAILED, nothing was published"
    assert "Days failed: 2025-11-06\n  2025-11-06 failed (run 2025-11-06.1, ERROR)" in text


def test_the_message_of_a_run_that_did_not_get_far():
    _, text = notification(
        RunSummary("diamond", problems=["as_of: 2099-01-01 is after today. Give an earlier day."])
    )
    assert text == "Problem: as_of: 2099-01-01 is after today. Give an earlier day."


def test_the_log_has_a_line_for_each_day_newest_first_and_the_plan_oldest_first(found, caplog):
    with caplog.at_level(logging.INFO):
        LogReporter(logging.getLogger("task")).checked(replace(found, strays=()))
        LogReporter(logging.getLogger("task")).planned(make_plan(found, {}))
        LogReporter(logging.getLogger("task")).planned(make_plan(replace(found, partitions=()), {}))
    assert [record.getMessage() for record in caplog.records] == [
        "pages  2025-11-05 .. 2025-11-09  (5 days, as of 2025-11-12, lag 3)",
        "  2025-11-09  Sunday     complete     3 rows",
        "  2025-11-08  Saturday   complete     3 rows",
        "  2025-11-07  Friday     complete     3 rows",
        "  2025-11-06  Thursday   absent       MISSING: nothing is there",
        "  2025-11-05  Wednesday  absent       MISSING: nothing is there",
        "expected 5, available 3, missing 2, coverage 60.0 %",
        "plan:",
        "  + 2025-11-05  start    MISSING: nothing is there",
        "  + 2025-11-06  start    MISSING: nothing is there",
        "plan: nothing to do, every day is kept",
    ]
    assert {record.levelname for record in caplog.records} == {"INFO", "WARNING"}


def test_runs_are_polled_soon_after_their_start_and_then_at_the_interval():
    moments = list(accumulate(islice(poll_pauses(60.0), 10)))
    assert [int(moment) for moment in moments] == [10, 15, 22, 33, 50, 75, 113, 170, 230, 290]
    assert list(islice(poll_pauses(2.0), 3)) == [10.0, 2.0, 2.0]
    assert list(islice(poll_pauses(0.05, 0.05), 4)) == pytest.approx([0.05, 0.025, 0.0375, 0.05])


def test_the_message_of_a_run_whose_consumer_changed_nothing():
    summary = RunSummary("diamond", skip_reason="a newer window is published.", coverage_pct=100.0)
    assert not summary.failed
    title, text = notification(summary)
    assert title == "diamond: analytics skipped"
    assert text == "Skipped: a newer window is published.\nCoverage: 100.0 %"
