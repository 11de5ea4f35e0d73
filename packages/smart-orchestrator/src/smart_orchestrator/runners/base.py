"""The protocol of a runner: it lists the runs of a pipeline, starts one and polls them.

A runner never waits for a run to end: the backfill loop and Airflow's triggerer do. A run that cannot be started or followed
(no such pipeline, or the server does not answer) raises `RunsError`; a run that fails is a `Run` in state FAILED.
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
        """Seconds that `wait` may sleep between two polls."""
        ...

    @property
    def in_process(self) -> bool:
        """Whether the runs execute in this process, and end with it."""
        ...

    def capacity(self) -> int | None:
        """Return the largest number of runs that execute at the same time; None for no limit."""
        ...

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run of each of these days, whoever started it; days without a run are left out."""
        ...

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for `day`; return the run of that day that is already in flight, if there is one."""
        ...

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return the current state of the given runs, in the same order."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when a run may have changed, at the latest after `seconds`."""
        ...


@runtime_checkable
class RunHistory(Protocol):
    """A runner that also lists past runs."""

    def recent(self, limit: int, day: dt.date | None = None) -> Sequence[Run]:
        """Return at most `limit` runs of one day or of all days, in their current state: runs in flight first, then the newest."""
        ...
