"""Make the rows of `wiki_trends_restatements`: the published values of a day that a new publish replaces.

The published values are in `wiki_diamond`. Only days whose data have changed since the last publish that used the day are compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.analytics.window_rows import read_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.page_rules import PageRules
    from wiki_trends.warehouse.base import Reader, RunRecord

_SELECT_RUNS = """
SELECT * FROM wiki_trends_runs WHERE dataset = ? AND window_end >= ? ORDER BY run
"""


class _DataOfDay(NamedTuple):
    """The data of one day that a run read.

    Attributes:
        fingerprint: the fingerprint of the partition.
        content: the digest of the data; None when the run recorded no digest.
    """

    fingerprint: str
    content: str | None


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """The published values of one day.

    Attributes:
        fingerprint: the fingerprint of the partition that the values are from.
        rows: the `page`, `page_display`, `views` and `rank` of each page.
    """

    fingerprint: str
    rows: Sequence[Mapping[str, Any]]


def replaced_days(reader: Reader, run: RunRecord) -> dict[dt.date, PublishedDay]:
    """Return the published values of the days of `run` whose data have changed since they were published."""
    days = sorted({*run.baseline, *run.fingerprints})
    # `wiki_diamond` has only the rows of the dataset that was published last.
    if not days or reader.last_run().dataset != run.dataset:
        return {}
    published: dict[str, _DataOfDay] = {}
    # The runs are ordered, so the last run that used a day determines the published data. Old runs have no `contents` or `baseline`.
    for row in reader.rows(_SELECT_RUNS, run.dataset, date.fromisoformat(days[0])):
        contents = json.loads(row.get("contents") or "{}")
        fingerprints = json.loads(row.get("baseline") or "{}") | json.loads(row["fingerprints"])
        published |= {day: _DataOfDay(value, contents.get(day)) for day, value in fingerprints.items()}
    changed = [day for day in days if day in published and run.has_other_data(day, *published[day])]
    return {
        date.fromisoformat(day): PublishedDay(
            published[day].fingerprint,
            reader.rows(
                "SELECT page, page_display, views, rank FROM wiki_diamond WHERE date = ?",
                date.fromisoformat(day),
            ),
        )
        for day in changed
    }


def restatement_rows(
    dataset: DailyDataset,
    partitions: Iterable[Partition],
    replaced: Mapping[dt.date, PublishedDay],
    replaced_at: dt.datetime,
    rules: PageRules,
) -> pl.DataFrame:
    """Make a row for each page whose views or rank differ from the published values, ordered by date and page.

    The rules are those of the new publish. Without them, pages that are in no table, and older titles, would count as changes.
    A day of `replaced` that is not among `partitions` has no rows: the engine could not read it, so its published values stay.

    Columns: dataset; date (DATE, UTC); page and page_display; views and rank (BIGINT, the published values; null for a page that was not
    listed before); new_views and new_rank (BIGINT, the new values; null for a page that is no longer listed); fingerprint and
    new_fingerprint (of the two partitions); replaced_at (TIMESTAMP, UTC).

    Raises:
        PartitionChanged: a partition has changed since the check.
        ContractError: the rows of a partition violate the contract.
    """
    import polars as pl

    schema = {"page": pl.String, "page_display": pl.String, "views": pl.Int64, "rank": pl.Int64}
    frames: list[pl.DataFrame] = []
    for partition in partitions:
        if partition.day not in replaced:
            continue
        published = replaced[partition.day]
        new = read_day(dataset, partition, rules).select(
            "page",
            new_display="page_display",
            new_views=pl.col("views").cast(pl.Int64),
            new_rank=pl.col("rank").cast(pl.Int64),
        )
        compared = pl.DataFrame(published.rows, schema=schema, orient="row").join(
            new, on="page", how="full", coalesce=True
        )
        differs = pl.col("views").ne_missing(pl.col("new_views")) | pl.col("rank").ne_missing(
            pl.col("new_rank")
        )
        frames.append(
            compared.filter(differs)
            .sort("page")
            .select(
                pl.lit(dataset.name).alias("dataset"),
                pl.lit(partition.day).alias("date"),
                "page",
                pl.coalesce("new_display", "page_display").alias("page_display"),
                "views",
                "rank",
                "new_views",
                "new_rank",
                pl.lit(published.fingerprint).alias("fingerprint"),
                pl.lit(partition.fingerprint or "").alias("new_fingerprint"),
                pl.lit(replaced_at.replace(tzinfo=None)).cast(pl.Datetime("us")).alias("replaced_at"),
            )
        )
    return pl.concat(frames) if frames else pl.DataFrame()
