"""A pipeline run as a value: its state, its failure and its name.

A run processes one day, or another partition key. The name of a run consists of the day and the attempt, so starting the same attempt twice yields one
run. The protocol of runners is in `runners.base`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.expected_error import Failure
from smart_orchestrator.model.grain import key_text, parse_key

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failure", "Run", "RunState", "run_name"]


class RunState(StrEnum):
    """The state of a run. `LOST` means that the process of the run ended without reporting a result."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pipeline for one day.

    Attributes:
        name: the unique name. If this package started the run, the name consists of the day and the attempt.
        day: the partition key that the run processes.
        attempt: the number of the attempt, counted from 1 over all runs of the day; 0 for a run whose name has no such number, and if no run
            was started because the day was already complete.
        state: the state of the run.
        ours: whether this process started the run. If not, this process only follows the run.
        failure: why the run left no complete partition; None for a run that did not fail.
        message: the failure as a sentence.
        started_at: the start time, in UTC.
        ended_at: the end time, in UTC.
        url: the address of the run's logs, if there is one.
    """

    name: str
    day: dt.date
    attempt: int
    state: RunState
    ours: bool = False
    failure: Failure | None = None
    message: str = ""
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    url: str | None = None

    @property
    def in_flight(self) -> bool:
        """Whether the run is queued or running."""
        return self.state in (RunState.QUEUED, RunState.RUNNING)

    def to_json(self) -> dict[str, object]:
        """Return the run as a JSON object, for `--json`."""
        return {
            "run": self.name,
            "day": key_text(self.day),
            "attempt": self.attempt,
            "state": self.state.value,
            "started_here": self.ours,
            "failure": self.failure.value if self.failure else None,
            "message": self.message,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "url": self.url,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Run:
        """Restore a run from the document that `to_json` returned."""

        def timestamp(name: str) -> dt.datetime | None:
            return dt.datetime.fromisoformat(document[name]) if document[name] else None

        return cls(
            name=document["run"],
            day=parse_key(document["day"]),
            attempt=document["attempt"],
            state=RunState(document["state"]),
            ours=document["started_here"],
            failure=Failure(document["failure"]) if document["failure"] else None,
            message=document["message"],
            started_at=timestamp("started_at"),
            ended_at=timestamp("ended_at"),
            url=document["url"],
        )


def run_name(day: dt.date, attempt: int) -> str:
    """Return the name of a run. The same day and attempt always give the same name."""
    return f"{key_text(day)}.{attempt}"
