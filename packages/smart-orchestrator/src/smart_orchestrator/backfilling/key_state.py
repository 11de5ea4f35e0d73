"""The state of one partition key in a backfill, and the transitions between its phases.

```
QUEUED  -- start   --> RUNNING
RUNNING -- retry   --> QUEUED
RUNNING -- fill    --> FILLED
RUNNING -- fail    --> FAILED
WATCHED -- fill    --> FILLED
WATCHED -- requeue --> QUEUED
WATCHED -- give up --> FAILED
```

A key begins as QUEUED, or as WATCHED if an unknown writer is writing its partition.

A `KeyState` is a value: each transition returns a new state. A transition that the list does not allow raises `ValueError`.
Therefore a key with a run in flight cannot be started again, and a filled or failed key never changes.
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
    """The phase of a key in a backfill. The values are part of the JSON form."""

    QUEUED = "queued"
    WATCHED = "watched"
    RUNNING = "running"
    FILLED = "filled"
    FAILED = "failed"


FINAL_PHASES = (Phase.FILLED, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class KeyState:
    """The state of one key.

    Attributes:
        phase: the phase of the key. A QUEUED key needs a run. The partition of a WATCHED key is being written by an unknown writer.
        run: the run in flight, or the last run if no run is in flight.
        runs: the runs that this process started or followed, oldest first.
        measured: the measurements from the manifest of a filled key.
    """

    phase: Phase = Phase.QUEUED
    run: Run | None = None
    runs: tuple[Run, ...] = ()
    measured: Mapping[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the key is filled or failed."""
        return self.phase in FINAL_PHASES

    @property
    def starts(self) -> int:
        """The number of runs that this process started."""
        return sum(run.ours for run in self.runs)

    def start(self, run: Run) -> KeyState:
        """Return the state after this process started `run`, or began to follow it."""
        self._require(Phase.QUEUED)
        # A run of another process that has already ended is not listed: this process neither started nor followed it.
        listed = (run,) if run.ours or run.in_flight else ()
        return replace(self, phase=Phase.RUNNING, run=run, runs=(*self.runs, *listed))

    def retry(self, run: Run) -> KeyState:
        """Return the state after the run ended without a complete partition, if another run may be started."""
        return replace(self._with_ended_run(run), phase=Phase.QUEUED)

    def fail(self, run: Run) -> KeyState:
        """Return the state after the run ended without a complete partition, if no other run may be started."""
        return replace(self._with_ended_run(run), phase=Phase.FAILED)

    def fill(self, measured: Mapping[str, Any] | None, run: Run | None = None) -> KeyState:
        """Return the state after the partition became complete. `run` is the run that has ended, if there was one."""
        if run is None:
            self._require(Phase.WATCHED)
            return replace(self, phase=Phase.FILLED, measured=measured)
        return replace(self._with_ended_run(run), phase=Phase.FILLED, measured=measured)

    def requeue(self) -> KeyState:
        """Return the state after the unknown writer stopped without a complete partition."""
        self._require(Phase.WATCHED)
        return replace(self, phase=Phase.QUEUED)

    def give_up(self) -> KeyState:
        """Return the state after the unknown writer stopped without a complete partition, if no run may be started."""
        self._require(Phase.WATCHED)
        return replace(self, phase=Phase.FAILED)

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON types, for `from_json`."""
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

    def _with_ended_run(self, run: Run) -> KeyState:
        """Return a copy of this state with `run` in place of the earlier record of the same run."""
        self._require(Phase.RUNNING)
        runs = tuple(run if earlier.name == run.name else earlier for earlier in self.runs)
        return replace(self, run=run, runs=runs)

    def _require(self, phase: Phase) -> None:
        if self.phase is not phase:
            message = f"the key is {self.phase}, not {phase}"
            raise ValueError(message)


def states_of_first_version(document: Mapping[str, Any]) -> dict[dt.date, KeyState]:
    """Parse a backfill in version 1 of the JSON form, and return the state of each key.

    A task that Airflow deferred before an upgrade of this package passes such a document.
    """

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
