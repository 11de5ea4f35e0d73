"""The protocol of whatever executes the pipeline: which runs are in flight, start one, poll.

A runner never waits for a run to end: the backfill loop and Airflow's triggerer do. A run that cannot be started or followed
at all (no such pipeline, no answer) raises `RunsError`; a run that fails is a `Run` in state FAILED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from smart_orchestrator.model.run import Run


class Runner(Protocol):
    """Starts and follows the runs of one pipeline."""

    @property
    def poll_seconds(self) -> float:
        """How long `wait` may sleep between two looks."""
        ...

    @property
    def in_process(self) -> bool:
        """Whether the runs live in this process, and end with it."""
        ...

    def capacity(self) -> int | None:
        """How many runs it lets work at the same time; None: as many as are started."""
        ...

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """The latest run of each of these days, whoever started it; days without one are left out."""
        ...

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for `day`; when a run of it is in flight already, that one comes back instead."""
        ...

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """The same runs as they are now."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when a run may have changed, at the latest after `seconds`."""
        ...


@runtime_checkable
class RunHistory(Protocol):
    """What some runs know besides: their past."""

    def recent(self, limit: int, day: dt.date | None = None) -> Sequence[Run]:
        """At most `limit` runs, of one day or of all, as they are now: those in flight first, then the newest."""
        ...
