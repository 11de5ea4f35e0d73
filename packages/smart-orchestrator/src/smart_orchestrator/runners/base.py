"""The protocol of a runner, which lists, starts and polls the runs of a pipeline.

A runner never waits for the end of a run. The backfill loop and Airflow's triggerer wait. A runner raises `RunsError` if a run
cannot be started or polled, for example because the pipeline does not exist or the server does not answer. The failure of a run
raises nothing: the run is a `Run` in state FAILED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from smart_orchestrator.model.run import Run


class Runner(Protocol):
    """An object that lists, starts and polls the runs of one pipeline. A day stands for a key of any grain."""

    @property
    def poll_seconds(self) -> float:
        """The longest pause between two polls, in seconds."""
        ...

    @property
    def in_process(self) -> bool:
        """Whether the runs execute in this process, and end when the process ends."""
        ...

    def capacity(self) -> int | None:
        """Return the maximum number of runs that are in flight (queued or running), or None for no limit."""
        ...

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run of each day that has a run, whether this or another process started the run."""
        ...

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for `day`. If a run of the day is already in flight, return that run."""
        ...

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return `runs` in their current state, in the same order."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait until a run may have changed, for at most `seconds`."""
        ...


@runtime_checkable
class RunHistory(Protocol):
    """An object that lists past runs."""

    def recent(self, limit: int, day: dt.date | None = None) -> Sequence[Run]:
        """Return at most `limit` runs of one day or of all days. Runs in flight come first, then the newest runs."""
        ...


@runtime_checkable
class RunCancellation(Protocol):
    """An object that ends runs from outside."""

    def cancel(self, run: Run) -> None:
        """End a queued or running run as failed. A run that has ended in the meantime keeps its state.

        Raises:
            RunsError: the run cannot be ended.
        """
        ...


class RecordingRunner(Runner, RunHistory, Protocol):
    """A `Runner` that also implements `RunHistory`."""
