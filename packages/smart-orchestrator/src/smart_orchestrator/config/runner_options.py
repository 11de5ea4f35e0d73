"""The options that all kinds of runners have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_orchestrator.config.tables import ConfigTable

DEFAULT_JOBS, DEFAULT_ATTEMPTS = 4, 3


# The subclass of each kind of runner generates `__eq__` and `__repr__` for all fields, so this class needs neither.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RunnerConfig:
    """The options that all kinds of runners have.

    Attributes:
        name: the `NAME` of the table `[runners.NAME]`.
        jobs: the maximum number of runs at the same time.
        attempts: the maximum number of runs that a backfill starts for one key.
    """

    name: str
    jobs: int = DEFAULT_JOBS
    attempts: int = DEFAULT_ATTEMPTS


def parse_jobs(table: ConfigTable) -> int:
    """Parse the maximum number of runs at the same time."""
    return table.integer("jobs", DEFAULT_JOBS, low=1)


def parse_attempts(table: ConfigTable) -> int:
    """Parse the maximum number of runs that a backfill starts for one key."""
    return table.integer("attempts", DEFAULT_ATTEMPTS, low=1)
