"""The cause of a partition that is not available or not up to date: one value of a closed list, with the evidence.

The code of a partition describes the data in the lake. The cause explains why the data are not available, and is derived from
the code and the latest run of the key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.model.run import Failure, Run, RunState

if TYPE_CHECKING:
    from smart_orchestrator.model.grain import Key


class Cause(StrEnum):
    """Why a partition is not available, or not up to date. The values are stable, because programs branch on them."""

    WITHIN_LAG = "within_lag"
    NOT_PUBLISHED = "not_published"
    NEVER_ATTEMPTED = "never_attempted"
    IN_FLIGHT = "in_flight"
    RUN_FAILED = "run_failed"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    HALF_WRITTEN = "half_written"
    INVALID = "invalid"
    NO_DATA_AFTER_SUCCESS = "no_data_after_success"
    BEYOND_UPSTREAM_HISTORY = "beyond_upstream_history"
    WAIVED = "waived"
    RESTATED = "restated"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The cause of one partition that is not available, or not up to date.

    Attributes:
        key: the partition key.
        cause: the cause.
        evidence: a sentence about the object, run or waiver that shows the cause.
        run: the name of the run in the evidence; None without a run.
        url: the address of the run's logs, if the run has one.
    """

    key: Key
    cause: Cause
    evidence: str
    run: str | None = None
    url: str | None = None

    def blocked_by(self, need: str) -> Explanation:
        """Return the explanation of a key that waits for a needed partition. `need` is a sentence about this partition."""
        evidence = need if self.cause is Cause.NEVER_ATTEMPTED else f"{self.evidence}; {need}"
        return replace(self, evidence=evidence)

    def to_json(self) -> dict[str, object]:
        """Return the explanation as a JSON object."""
        return {
            "key": key_text(self.key),
            "cause": self.cause.value,
            "evidence": self.evidence,
            "run": self.run,
            "url": self.url,
        }


_NOT_EXPECTED = {
    Code.WITHIN_LAG: Cause.WITHIN_LAG,
    Code.WAIVED: Cause.WAIVED,
    Code.BEYOND_UPSTREAM_HISTORY: Cause.BEYOND_UPSTREAM_HISTORY,
}


def explain(partition: Partition, run: Run | None, attempts: int) -> Explanation | None:
    """Explain why a partition is not available, or is restated. Return None for any other available partition.

    Args:
        partition: the partition, as a check returned it.
        run: the latest run of the key; None without a run.
        attempts: the maximum number of runs that a backfill starts for one key.
    """
    if partition.code is Code.RESTATED:
        return Explanation(partition.day, Cause.RESTATED, partition.reason)
    if partition.available:
        return None
    not_expected = _NOT_EXPECTED.get(partition.code)
    if not_expected is not None:
        return Explanation(partition.day, not_expected, partition.reason)
    if run is not None and run.in_flight:
        return Explanation(
            partition.day, Cause.IN_FLIGHT, f"run {run.name} is {run.state.value}", run.name, run.url
        )
    if partition.code is Code.NOT_PUBLISHED:
        return Explanation(partition.day, Cause.NOT_PUBLISHED, partition.reason)
    if partition.code is Code.STILL_WRITING:
        return Explanation(partition.day, Cause.IN_FLIGHT, partition.reason)
    if partition.state is State.INVALID:
        return Explanation(partition.day, Cause.INVALID, f"{partition.code.value}: {partition.reason}")
    if partition.state is State.UNCOMMITTED:
        return Explanation(partition.day, Cause.HALF_WRITTEN, partition.reason)
    if run is None:
        return Explanation(partition.day, Cause.NEVER_ATTEMPTED, f"no run is recorded; {partition.reason}")
    cause, evidence = _cause_of_run(run, attempts)
    return Explanation(partition.day, cause, evidence, run.name, run.url)


def _cause_of_run(run: Run, attempts: int) -> tuple[Cause, str]:
    """Return the cause and the evidence for an absent partition whose latest run has ended."""
    if run.failure is Failure.NOT_PUBLISHED:
        return Cause.NOT_PUBLISHED, run.message
    if run.state is RunState.SUCCEEDED or run.failure is Failure.NO_DATA_AFTER_SUCCESS:
        return Cause.NO_DATA_AFTER_SUCCESS, f"run {run.name} succeeded and left no data"
    if run.attempt >= attempts:
        # `run.attempt` counts the runs of all backfills, so it can be larger than the limit of one backfill.
        attempt_text = f"{run.attempt} of {attempts}" if run.attempt == attempts else f"{run.attempt}"
        return Cause.ATTEMPTS_EXHAUSTED, f"attempt {attempt_text} failed: {run.message}"
    return Cause.RUN_FAILED, f"run {run.name} failed: {run.message}"
