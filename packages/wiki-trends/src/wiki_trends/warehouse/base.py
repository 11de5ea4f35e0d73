"""The protocols of a warehouse: tables that are replaced atomically, and readers that see one published window.

Tables come in as Arrow streams, so that tables of DuckDB, Polars and Spark need no conversion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

RUNS = "wiki_trends_runs"
SCHEMA_VERSION = 1

# The unique key of each table.
KEYS: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date", "page"),
    "wiki_trends_timeseries": ("date", "page"),
    "wiki_trends_common": ("date", "page"),
    "wiki_trends_growth": ("page",),
    "wiki_trends_categories": ("category",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end", "page"),
    "wiki_pipeline_runs": ("date", "step"),
}

# Tables that keep rows of earlier windows: a publish replaces only the rows that agree with new ones in these columns.
# Where the dataset is not among the columns, a publish of another dataset than the last one replaces all rows.
KEPT_BY: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end"),
    "wiki_pipeline_runs": ("date",),
}


class ArrowStream(Protocol):
    """An object that exports its rows through the Arrow C stream interface, any number of times."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A PyCapsule of the stream."""
        ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One published window: a row of `wiki_trends_runs`.

    Attributes:
        dataset: name of the dataset whose partitions were read.
        window_start: first day of the window, UTC.
        window_end: last day of the window, UTC, included.
        as_of: the day that counted as today.
        lag_days: days of publication lag.
        days_used: the days that were read, oldest first.
        expected: days that the window was expected to have.
        coverage_pct: available / expected days, in percent.
        policy: the readiness policy that the window had to fulfil, as JSON.
        fingerprints: of each partition that was read, by ISO day.
        published_at: with a time zone; UTC when it is read back.
        version: of this software.
        rows: number of rows of each table in this publish, by name.
        baseline: fingerprints of the partitions before the window that the scores were compared with, by ISO day.
        seconds: from the first read to the beginning of the publish.
        states: of each day of the window when it was checked, by ISO day: `state`, `code` and `reason`. Empty in a run that
            an earlier version published.
    """

    dataset: str
    window_start: dt.date
    window_end: dt.date
    as_of: dt.date
    lag_days: int
    days_used: tuple[dt.date, ...]
    expected: int
    coverage_pct: float
    policy: str
    fingerprints: Mapping[str, str]
    published_at: dt.datetime
    version: str
    rows: Mapping[str, int] = field(default_factory=dict)
    baseline: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def inputs(self) -> tuple[object, ...]:
        """Everything that the tables depend on: two runs with equal inputs publish equal tables."""
        days = tuple(sorted(self.fingerprints.items()))
        return (
            self.dataset,
            self.window_start,
            self.window_end,
            self.policy,
            self.coverage_pct,
            self.version,
            days,
            tuple(sorted(self.baseline.items())),
        )


class Reader(Protocol):
    """A reader of one published state: everything read through it belongs to one window."""

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries; each `?` in the query stands for the next of `values`.

        Raises:
            WarehouseError: the query fails.
        """
        ...

    def pieces(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """The same, some thousand rows at a time: together they need not fit into memory.

        Exhaust the iterator before using this reader for another query.
        """
        ...

    def last_run(self) -> RunRecord:
        """The window that the tables hold."""
        ...


class Warehouse(Protocol):
    """A place that the tables are published to."""

    @property
    def url(self) -> str:
        """The warehouse's URL without credentials."""
        ...

    def version(self) -> str:
        """A token that changes with every publish; callers cache on it.

        Raises:
            NothingPublished: there is nothing yet.
            WarehouseError: it cannot be read.
        """
        ...

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Replace the tables atomically, add the run, and return it with the number of rows of each table.

        Raises:
            WarehouseError: the tables cannot be written. What was published before stays.
            TableFailed: computing a table failed while it was read. What was published before stays.
        """
        ...

    def reading(self) -> AbstractContextManager[Reader]:
        """A reader of what is published now.

        Raises:
            NothingPublished: there is nothing yet.
            WarehouseError: it cannot be read.
        """
        ...
