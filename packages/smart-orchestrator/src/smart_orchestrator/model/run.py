"""What it takes to start and follow the pipeline's runs, whoever executes them.

A run is for one day and has a name made from the day and the attempt, so that starting twice is one run. The protocol
has three verbs: what is in flight, start, look again. It never waits: `backfill` does. A run that cannot be started or
followed at all (no such pipeline, no answer) raises `RunsError`; a run that fails is a `Run` in state FAILED.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import LakeError, NotPublished, SourceRefused, SourceUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunState(StrEnum):
    """Where a run is. LOST: its process died, nobody works on it any more."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"


class Failure(StrEnum):
    """Why a run did not make its day whole. Stable: programs branch on it."""

    ERROR = "ERROR"
    NOT_PUBLISHED = "NOT_PUBLISHED"
    UNREACHABLE = "UNREACHABLE"
    REFUSED = "REFUSED"
    NO_DATA_AFTER_SUCCESS = "NO_DATA_AFTER_SUCCESS"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pipeline for one day.

    Attributes:
        name: unique; made from day and attempt where this layer starts the run.
        day: the UTC day.
        attempt: counted over the day's whole past, from 1.
        state: see `RunState`.
        ours: whether this process started it; otherwise it is followed.
        failure: why it did not make its day whole.
        message: the failure as a sentence.
        started_at: UTC.
        ended_at: UTC.
        url: where its logs are, if somewhere.
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
        """Whether somebody works on it, or will."""
        return self.state in (RunState.QUEUED, RunState.RUNNING)

    def to_json(self) -> dict[str, object]:
        """The run as `--json` lists it."""
        return {
            "run": self.name,
            "day": self.day.isoformat(),
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
        """The run that `to_json` wrote down."""

        def moment(name: str) -> dt.datetime | None:
            return dt.datetime.fromisoformat(document[name]) if document[name] else None

        return cls(
            name=document["run"],
            day=dt.date.fromisoformat(document["day"]),
            attempt=document["attempt"],
            state=RunState(document["state"]),
            ours=document["started_here"],
            failure=Failure(document["failure"]) if document["failure"] else None,
            message=document["message"],
            started_at=moment("started_at"),
            ended_at=moment("ended_at"),
            url=document["url"],
        )


def failure_of(error: Exception) -> tuple[Failure, str]:
    """What an exception of a pipeline means for its run, and the sentence."""
    text = str(error) or type(error).__name__
    if isinstance(error, NotPublished):
        return Failure.NOT_PUBLISHED, text
    if isinstance(error, SourceRefused):
        return Failure.REFUSED, text
    if isinstance(error, (SourceUnreachable, LakeError)):
        return Failure.UNREACHABLE, text
    return Failure.ERROR, text


def run_name(day: dt.date, attempt: int) -> str:
    """The name of a run: the same for the same day and attempt, whoever makes it."""
    return f"{day.isoformat()}.{attempt}"
