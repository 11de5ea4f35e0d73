"""The protocols of a warehouse and its readers, and the record of a publish.

Tables are passed as Arrow streams, which DuckDB, Polars and Spark produce without a conversion.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

RUNS = "wiki_trends_runs"
EVIDENCE = "wiki_trends_evidence"
RESTATEMENTS = "wiki_trends_restatements"
SCHEMA_VERSION = 1

# The unique key of each table.
KEYS: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date", "page"),
    "wiki_trends_timeseries": ("date", "page"),
    "wiki_trends_common": ("date", "page"),
    "wiki_trends_growth": ("page",),
    "wiki_trends_categories": ("category",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end", "page"),
    "wiki_trends_evidence": ("page", "place"),
    "wiki_pipeline_runs": ("date", "step"),
    "wiki_page_history": ("date", "page"),
    "wiki_trends_restatements": ("dataset", "date", "page", "new_fingerprint"),
}

# fmt: off
# The nullable columns of each table. All other columns of a new table are NOT NULL.
NULLABLE: Mapping[str, frozenset[str]] = {
    "wiki_diamond": frozenset({"latitude", "longitude"}),
    "wiki_trends_timeseries": frozenset({"latitude", "longitude"}),
    "wiki_trends_growth": frozenset({"views_change_pct"}),
    "wiki_trends_categories": frozenset({"views_change_pct"}),
    "wiki_trends_scores": frozenset({
        "surprise_date", "surprise_views", "reference_days", "reference_listed", "median_level", "mad", "robust_z",
        "usual_views", "weekday_days", "weekday_effect", "expected_views", "surprise", "spread", "confidence", "score",
        "burst", "shape", "first_half_views", "last_half_views", "wikitrends_score", "ewma_3", "ewma_14", "momentum",
        "momentum_label", "trend_days", "trend_pct_per_day", "trend_t", "reference", "se", "evidence", "at_least",
        "days_away", "streak_start", "at_most", "magnitude", "z", "usual_source", "recent_level", "bound_views",
        "after_level", "trend_slope", "trend_rho", "trend_se", "has_trend",
        "reference_history", "reference_bounded", "reference_missing",
    }),
    "wiki_trends_evidence": frozenset({"rule", "strength", "source", "date"}),
    "wiki_trends_restatements": frozenset({"views", "rank", "new_views", "new_rank"}),
    "wiki_pipeline_runs": frozenset({"rows_in", "rows_out", "requests", "retries", "cache_hits", "seconds"}),
}
# fmt: on

# The columns of a table whose values the warehouse sets itself, with their DuckDB types. `run` is the number of the run that published the row. `stale` is true if a
# later run read other data for a day of the row's window or of its baseline. Both are null in the rows of earlier versions.
RUN_COLUMNS: Mapping[str, Mapping[str, str]] = {"wiki_trends_scores": {"run": "BIGINT", "stale": "BOOLEAN"}}

# Some tables keep rows of earlier windows. For each of them, these columns select the rows that a publish replaces: an old row is deleted if
# its values in these columns also occur in a new row. For example, a new row of `wiki_diamond` for a day replaces the old rows of this day.
# When the last run published another dataset, a publish replaces all rows of a table, unless `dataset` is one of these columns.
REPLACEMENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("date",),
    "wiki_trends_scores": ("dataset", "window_start", "window_end"),
    "wiki_pipeline_runs": ("date",),
    "wiki_page_history": ("date", "page"),
    "wiki_trends_restatements": ("dataset", "date", "new_fingerprint"),
}


# The columns of an additional index of each table in PostgreSQL, for queries about one page.
INDEXES: Mapping[str, tuple[str, ...]] = {
    "wiki_diamond": ("page", "date"),
    "wiki_trends_timeseries": ("page", "date"),
    "wiki_trends_scores": ("page", "window_end"),
    "wiki_page_history": ("page", "date"),
}


class ArrowStream(Protocol):
    """An object whose rows can be exported through the Arrow C stream interface any number of times."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule that contains the stream."""
        ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One publish of a window: a row of `wiki_trends_runs`.

    Attributes:
        dataset: the name of the dataset whose partitions were read.
        window_start: the first day of the window, UTC.
        window_end: the last day of the window, UTC, inclusive.
        as_of: the day that counted as today.
        lag_days: the publication lag, in days.
        days_used: the days of the window that were read, oldest first.
        expected: the number of expected days.
        coverage_pct: the available days divided by the expected days, in percent.
        policy: the readiness policy of the window, as JSON with sorted keys.
        fingerprints: the fingerprint of the partition of each day in `days_used`, by ISO day.
        published_at: the time of the publish, with a time zone; UTC in a record that was read from a warehouse.
        version: the version of wiki-trends that published the window.
        rows: the number of rows of each table in this publish, by table name.
        baseline: the fingerprint of each partition of the baseline (the days before the window), by ISO day.
        seconds: the duration from the first read to the beginning of the publish.
        states: the `state`, `code` and `reason` of each day when the window was checked, by ISO day, and `waived_by` for a
            waived day whose waiver has an author; empty in a run that an earlier version published.
        history: the fingerprint of each partition of the page history that was read, by ISO day. If the history was requested, but no
            partition was read, the last day of the window has an empty fingerprint.
        history_problem: the error because of which the page history is incomplete; empty without an error.
        contents: the digest of the data of each partition that was read and has checksums, by ISO day. A rewrite with equal data has
            another fingerprint and the same digest.
        recomputed: whether this publish recomputed an earlier window after a restatement, and left the current tables as they are.
        left_out: the pages that were left out because programs probably read them, in the order of the titles.
        flagged: the pages with an unusual share of desktops on a day of the window that were not left out, in the order of the titles.
        renamed: the newest title for each older title of a page in the window; both titles were analysed as one page.
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
    history: Mapping[str, str] = field(default_factory=dict)
    history_problem: str = ""
    contents: Mapping[str, str] = field(default_factory=dict)
    recomputed: bool = False
    left_out: tuple[str, ...] = ()
    flagged: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def history_requested(self) -> bool:
        """Whether the history of the window was requested without an error."""
        return self.window_end.isoformat() in self.history and not self.history_problem

    def has_other_data(self, day: str, fingerprint: str, content: str | None) -> bool:
        """Return whether this run and another run read different data of one ISO day; false when this run did not read the day.

        `fingerprint` and `content` are the fingerprint and the digest of the day in the other run. `content` is None when the other
        run recorded no digest.
        """
        current = self.fingerprints.get(day, self.baseline.get(day, fingerprint))
        return current != fingerprint and (content is None or self.contents.get(day) != content)

    def inputs(self) -> tuple[object, ...]:
        """Return the values that determine the tables: two runs with equal inputs publish equal tables."""

        def data_of(fingerprints: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
            items = sorted(fingerprints.items())
            # A rewrite with equal data has another fingerprint, so use the digest of the data where it is known.
            return tuple((day, self.contents.get(day, fingerprint)) for day, fingerprint in items)

        return (
            self.dataset,
            self.window_start,
            self.window_end,
            json.loads(self.policy),
            self.coverage_pct,
            self.version,
            data_of(self.fingerprints),
            data_of(self.baseline),
            # An empty fingerprint says only that the history was requested.
            tuple(sorted((day, fingerprint) for day, fingerprint in self.history.items() if fingerprint)),
        )


class Reader(Protocol):
    """A reader of one snapshot of the published tables: its queries see no later publish."""

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries. Each `?` in the query stands for one of `values`, in order.

        Raises:
            WarehouseError: the query fails.
        """
        ...

    def batches(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a query in batches of some thousands, so that the memory need not hold all rows.

        Exhaust the iterator before you use this reader for another query.
        """
        ...

    def last_run(self) -> RunRecord:
        """Return the run that published the current tables."""
        ...


class Warehouse(Protocol):
    """A database that the tables are published to."""

    @property
    def url(self) -> str:
        """The warehouse's URL without credentials."""
        ...

    def version(self) -> str:
        """Return a token that changes with every publish, for use as a cache key.

        Raises:
            NothingPublished: nothing was published yet.
            WarehouseError: the warehouse cannot be read.
        """
        ...

    def publish(
        self, tables: Mapping[str, ArrowStream], run: RunRecord, *, keep_newer: bool = False
    ) -> RunRecord:
        """Replace the tables atomically, add the run, and return it with the number of rows of each table.

        When an error is raised, the warehouse is unchanged.

        Args:
            tables: the tables by name.
            run: the run that has computed the tables.
            keep_newer: whether to keep a published window of the same dataset that ends later. No other publish comes between this check
                and the change of the tables.

        Raises:
            NewerPublished: `keep_newer` is set, and such a window is published.
            WarehouseError: the tables cannot be written.
            TableFailed: the computation of a table failed while its rows were read.
        """
        ...

    def reading(self) -> AbstractContextManager[Reader]:
        """Open a reader of the current tables.

        Raises:
            NothingPublished: nothing was published yet.
            WarehouseError: the warehouse cannot be read.
        """
        ...

    def close(self) -> None:
        """Close the connections that the readers share, if any; afterwards, the warehouse can no longer be read."""
        ...
