from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.model.cause import Cause, explain
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.run import Failure, Run, RunState

DAY = dt.date(2025, 11, 5)


def run(state, failure=None, attempt=1):
    return Run(
        f"2025-11-05.{attempt}", DAY, attempt, state, failure=failure, message="no disk", url="file:///log"
    )


@pytest.mark.parametrize(
    ("code", "latest", "cause"),
    [
        (Code.WITHIN_LAG, None, Cause.WITHIN_LAG),
        (Code.WAIVED, run(RunState.FAILED, Failure.ERROR), Cause.WAIVED),
        (Code.BEYOND_UPSTREAM_HISTORY, None, Cause.BEYOND_UPSTREAM_HISTORY),
        (Code.NOT_PUBLISHED, None, Cause.NOT_PUBLISHED),
        (Code.RESTATED, run(RunState.SUCCEEDED), Cause.RESTATED),
        (Code.MISSING, None, Cause.NEVER_ATTEMPTED),
        (Code.MISSING, run(RunState.QUEUED), Cause.IN_FLIGHT),
        (Code.NO_MARKER, run(RunState.RUNNING), Cause.IN_FLIGHT),
        (Code.SHORT, run(RunState.RUNNING), Cause.IN_FLIGHT),
        (Code.STILL_WRITING, None, Cause.IN_FLIGHT),
        (Code.NO_MARKER, None, Cause.HALF_WRITTEN),
        (Code.NO_MARKER, run(RunState.FAILED, Failure.ERROR), Cause.HALF_WRITTEN),
        (Code.SHORT, run(RunState.SUCCEEDED), Cause.INVALID),
        (Code.UNREADABLE, None, Cause.INVALID),
        (Code.MISSING, run(RunState.FAILED, Failure.NOT_PUBLISHED), Cause.NOT_PUBLISHED),
        (Code.MISSING, run(RunState.SUCCEEDED), Cause.NO_DATA_AFTER_SUCCESS),
        (Code.MISSING, run(RunState.FAILED, Failure.NO_DATA_AFTER_SUCCESS), Cause.NO_DATA_AFTER_SUCCESS),
        (Code.MISSING, run(RunState.FAILED, Failure.ERROR), Cause.RUN_FAILED),
        (Code.MISSING, run(RunState.LOST, Failure.LOST), Cause.RUN_FAILED),
        (Code.MISSING, run(RunState.FAILED, Failure.ERROR, attempt=3), Cause.ATTEMPTS_EXHAUSTED),
    ],
)
def test_every_hole_has_exactly_one_cause(code, latest, cause):
    explanation = explain(Partition(DAY, code, "a reason"), latest, attempts=3)
    assert explanation.cause is cause
    assert explanation.evidence
    assert explanation.to_json()["key"] == "2025-11-05"


def test_every_code_of_a_partition_that_is_not_available_has_a_cause():
    runs = [None, *(run(state, failure) for state in RunState for failure in (None, *Failure))]
    for code in Code:
        for latest in runs:
            partition = Partition(DAY, code, "a reason")
            has_cause = not partition.available or code is Code.RESTATED
            assert (explain(partition, latest, 3) is not None) == has_cause


def test_the_evidence_of_a_failed_run_names_it_and_its_logs():
    explanation = explain(Partition(DAY, Code.MISSING, "nothing"), run(RunState.FAILED, Failure.ERROR), 3)
    assert explanation.evidence == "run 2025-11-05.1 failed: no disk"
    assert (explanation.run, explanation.url) == ("2025-11-05.1", "file:///log")


def test_an_attempt_beyond_the_limit_of_one_backfill_is_not_counted_against_it():
    missing = Partition(DAY, Code.MISSING, "nothing is there")
    cause = explain(missing, run(RunState.FAILED, Failure.ERROR, attempt=6), 3)
    assert (cause.cause, cause.evidence) == (Cause.ATTEMPTS_EXHAUSTED, "attempt 6 failed: no disk")
