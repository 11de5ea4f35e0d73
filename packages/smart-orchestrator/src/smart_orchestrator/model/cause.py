"""The cause of a partition that is not available: exactly one of a closed list, with the evidence for it.

The code of a partition says what the lake holds. The cause also takes the runs of its key into account, and says why the data are
not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.model.run import Failure, Run, RunState

if TYPE_CHECKING:
    from smart_orchestrator.model.grain import Key


class Cause(StrEnum):
    """Why a partition is not available. Stable: programs branch on it."""

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


@dataclass(frozen=True, slots=True)
class Explanation:
    """The cause of one partition that is not available.

    Attributes:
        key: the partition key.
        cause: see `Cause`.
        evidence: the object, run or waiver that shows it, as a sentence.
        run: name of the run that is part of the evidence, if there is one.
        url: address of that run's logs, if there is one.
    """

    key: Key
    cause: Cause
    evidence: str
    run: str | None = None
    url: str | None = None

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
    """Return the cause of a partition that is not available; None for an available one.

    Args:
        partition: the verdict of a check.
        run: the latest run of its key, if there is one.
        attempts: how many runs a backfill starts for one key.
    """
    if partition.available:
        return None
    not_expected = _NOT_EXPECTED.get(partition.code)
    if not_expected is not None:
        return Explanation(partition.day, not_expected, partition.reason)
    if run is not None and run.in_flight:
        return Explanation(
            partition.day, Cause.IN_FLIGHT, f"run {run.name} is {run.state.value}", run.name, run.url
        )
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
    """Return the cause of an absent partition whose latest run has ended."""
    if run.failure is Failure.NOT_PUBLISHED:
        return Cause.NOT_PUBLISHED, run.message
    if run.state is RunState.SUCCEEDED or run.failure is Failure.NO_DATA_AFTER_SUCCESS:
        return Cause.NO_DATA_AFTER_SUCCESS, f"run {run.name} succeeded and left no data"
    if run.attempt >= attempts:
        return Cause.ATTEMPTS_EXHAUSTED, f"attempt {run.attempt} of {attempts} failed: {run.message}"
    return Cause.RUN_FAILED, f"run {run.name} failed: {run.message}"
