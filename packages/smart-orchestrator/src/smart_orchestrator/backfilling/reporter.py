"""What a backfill reports while it goes on, and to whom. The layer itself prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run


class Reporter(Protocol):
    """Is told what a backfill does. `progress` is (days done, days to do)."""

    def checked(self, completeness: Completeness) -> None:
        """The window was looked at."""
        ...

    def planned(self, plan: Plan) -> None:
        """It is known what will be done."""
        ...

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """A run was started here."""
        ...

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """A run of somebody else is followed."""
        ...

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """A day became whole."""
        ...

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """A run did not make its day whole; `again` says whether the day is tried again."""
        ...


class SilentReporter:
    """Says nothing."""

    def checked(self, completeness: Completeness) -> None:
        """Nothing."""

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Nothing."""

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Nothing."""

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Nothing."""

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Nothing."""
