"""The protocol for reporting the progress of a backfill, and an implementation that reports nothing.

A backfill prints nothing except through a reporter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run


class Reporter(Protocol):
    """The receiver of progress reports. `progress` is a pair: the number of days that are filled or failed, and of all days."""

    def checked(self, completeness: Completeness) -> None:
        """Report the result of checking the window."""
        ...

    def planned(self, plan: Plan) -> None:
        """Report the plan."""
        ...

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Report that this process started a run."""
        ...

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Report that this process follows a run of another process."""
        ...

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Report that a day became complete. `run` is None if the writer is unknown."""
        ...

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Report that a run failed. `again` is true if the day is retried."""
        ...


class SilentReporter:
    """A reporter that ignores all reports, also those of the runs in this process (`step` and `requested`)."""

    def checked(self, completeness: Completeness) -> None:
        """Do nothing."""

    def planned(self, plan: Plan) -> None:
        """Do nothing."""

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Do nothing."""

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Do nothing."""

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Do nothing."""

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Do nothing."""

    def step(self, key: dt.date, text: str) -> None:
        """Do nothing."""

    def requested(self) -> None:
        """Do nothing."""
