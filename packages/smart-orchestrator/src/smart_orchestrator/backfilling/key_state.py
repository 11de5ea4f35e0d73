"""The state of one partition key in a backfill, and the transitions between its phases.

```
QUEUED  -- start   --> RUNNING
RUNNING -- retry   --> QUEUED
RUNNING -- fill    --> FILLED
RUNNING -- fail    --> FAILED
WATCHED -- fill    --> FILLED
WATCHED -- release --> QUEUED
```

A `KeyState` is a value: each transition returns a new state, and a transition from another phase raises `ValueError`. So a key with a run in
flight cannot be started again, and a key that is filled or failed never changes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.model.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping


class Phase(StrEnum):
    """Where a key is in the backfill; the values are part of the JSON form."""

    QUEUED = "queued"
    WATCHED = "watched"
    RUNNING = "running"
    FILLED = "filled"
    FAILED = "failed"


ENDED = (Phase.FILLED, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class KeyState:
    """The state of one key.

    Attributes:
        phase: QUEUED (a run must be started), WATCHED (an unknown writer is writing the partition), RUNNING, FILLED or
            FAILED.
        run: the run in flight, or the last run of a key that has none in flight.
        runs: the runs that this process started or followed, oldest first.
        measured: the measurements from the manifest of a filled key.
    """

    phase: Phase = Phase.QUEUED
    run: Run | None = None
    runs: tuple[Run, ...] = ()
    measured: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether the key is filled or failed."""
        return self.phase in ENDED

    @property
    def starts(self) -> int:
        """Number of runs that this process started."""
        return sum(run.ours for run in self.runs)

    def start(self, run: Run) -> KeyState:
        """A run was started, or the run in flight of another process is followed."""
        self._require(Phase.QUEUED)
        # A run that had ended before it could be followed is neither started nor followed.
        counted = (run,) if run.ours or run.in_flight else ()
        return replace(self, phase=Phase.RUNNING, run=run, runs=(*self.runs, *counted))

    def retry(self, run: Run) -> KeyState:
        """The run ended without a complete partition, and another run must be started."""
        return replace(self._with_ended(run), phase=Phase.QUEUED)

    def fail(self, run: Run) -> KeyState:
        """The run ended without a complete partition, and was the last one."""
        return replace(self._with_ended(run), phase=Phase.FAILED)

    def fill(self, measured: Mapping[str, Any] | None, run: Run | None = None) -> KeyState:
        """The partition is complete; `run` is the run that has ended, if the key had one."""
        if run is None:
            self._require(Phase.WATCHED)
            return replace(self, phase=Phase.FILLED, measured=measured)
        return replace(self._with_ended(run), phase=Phase.FILLED, measured=measured)

    def release(self) -> KeyState:
        """The unknown writer stopped, and left no complete partition."""
        self._require(Phase.WATCHED)
        return replace(self, phase=Phase.QUEUED)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON types; `from_json` restores it."""
        return {
            "phase": self.phase.value,
            "run": None if self.run is None else self.run.to_json(),
            "runs": [run.to_json() for run in self.runs],
            "measured": self.measured,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> KeyState:
        """Restore a state from the document that `to_json` returned."""
        return cls(
            Phase(document["phase"]),
            None if document["run"] is None else Run.from_json(document["run"]),
            tuple(Run.from_json(run) for run in document["runs"]),
            document["measured"],
        )

    def _with_ended(self, run: Run) -> KeyState:
        """This state with its run replaced by the same run after its end."""
        self._require(Phase.RUNNING)
        runs = tuple(run if earlier.name == run.name else earlier for earlier in self.runs)
        return replace(self, run=run, runs=runs)

    def _require(self, phase: Phase) -> None:
        if self.phase is not phase:
            message = f"the key is {self.phase}, not {phase}"
            raise ValueError(message)


def keys_of_first_version(document: Mapping[str, Any]) -> dict[dt.date, KeyState]:
    """The keys of a state that version 1 wrote: Airflow may hold one while it is upgraded."""

    def runs(name: str) -> dict[dt.date, Run]:
        return {run.day: run for run in map(Run.from_json, document[name])}

    own_and_followed = [Run.from_json(run) for run in (*document["followed"], *document["started"])]
    active, failed = runs("active"), runs("failed")
    filled = {dt.date.fromisoformat(day): measured for day, measured in document["filled"]}
    phases = {dt.date.fromisoformat(day): Phase.QUEUED for day in document["queue"]}
    phases |= {dt.date.fromisoformat(day): Phase.WATCHED for day in document["watched"]}
    phases |= dict.fromkeys(active, Phase.RUNNING)
    phases |= dict.fromkeys(filled, Phase.FILLED)
    phases |= dict.fromkeys(failed, Phase.FAILED)
    return {
        day: KeyState(
            phase,
            active.get(day) or failed.get(day),
            tuple(run for run in own_and_followed if run.day == day),
            filled.get(day),
        )
        for day, phase in phases.items()
    }
