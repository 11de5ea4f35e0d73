"""What a warehouse is: tables that change as one act, and readers that see one published window.

Tables come in as Arrow streams, so that whatever computed them (DuckDB, Polars, Spark) needs no conversion.
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

# What makes a row of a table unique.
KEYS: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date", "page"),
    "wiki_trends_timeseries": ("date", "page"),
    "wiki_trends_common": ("date", "page"),
    "wiki_trends_growth": ("page",),
    "wiki_trends_categories": ("category",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end", "page"),
    "wiki_pipeline_runs": ("date", "step"),
}

# Tables that outlast a window: a publish replaces only the rows that agree with new ones in these columns. Where the
# dataset is not among the columns, a publish of another dataset than the last one replaces all rows.
KEPT_BY: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end"),
    "wiki_pipeline_runs": ("date",),
}


class ArrowStream(Protocol):
    """Anything that hands out its rows through the Arrow C stream interface, as often as it is asked."""

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
        lag_days: whole days of publication lag.
        days_used: the days that were read, oldest first.
        expected: days that the window was expected to have.
        coverage_pct: available / expected days, in percent.
        policy: what the window had to fulfil, as JSON.
        fingerprints: of each partition that was read, by ISO day.
        published_at: with a time zone; UTC when it is read.
        version: of this software.
        rows: of this publish, of each table, by name.
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

    def made_of(self) -> tuple[object, ...]:
        """What decides the tables: two runs of the same publish the same."""
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
    """One published state of a warehouse: all that is read through one reader belongs to one window."""

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query, a dictionary each; `?` in the query stands for the next of `values`.

        Raises:
            WarehouseError: the query fails.
        """
        ...

    def pieces(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """The same, some thousand rows at a time, which need not fit into memory together.

        Until the last was taken, nothing else is read with this reader.
        """
        ...

    def last_run(self) -> RunRecord:
        """The window that the tables hold."""
        ...


class Warehouse(Protocol):
    """Somewhere that the tables are published to."""

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        ...

    def mark(self) -> str:
        """What is another after every publish, at the least cost: so that nobody reads again what has not changed.

        Raises:
            NothingPublished: there is nothing yet.
            WarehouseError: it cannot be read.
        """
        ...

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Replace the tables by these, add the run, and return it with the rows of each table; all or nothing.

        Raises:
            WarehouseError: it could not be done, and what was published before still is.
            TableFailed: what computes a table failed while it was read, and what was published before still is.
        """
        ...

    def reading(self) -> AbstractContextManager[Reader]:
        """A reader of what is published now.

        Raises:
            NothingPublished: there is nothing yet.
            WarehouseError: it cannot be read.
        """
        ...
