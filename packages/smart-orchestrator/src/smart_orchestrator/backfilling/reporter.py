"""The protocol that receives the progress of a backfill, and a silent implementation.

The layer itself prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run


class Reporter(Protocol):
    """Receives the events of a backfill. `progress` is (days done, days in total)."""

    def checked(self, completeness: Completeness) -> None:
        """The window was checked."""
        ...

    def planned(self, plan: Plan) -> None:
        """The plan was made."""
        ...

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """This process started a run."""
        ...

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """A run that another process started is followed."""
        ...

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """A day became complete; `run` is None if no known run wrote it."""
        ...

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """A run did not complete its day; `again` says whether the day is tried again."""
        ...


class SilentReporter:
    """Ignores all events."""

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
