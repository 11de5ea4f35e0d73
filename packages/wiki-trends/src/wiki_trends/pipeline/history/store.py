"""Store the responses with the views of pages in bronze, and read them.

The key of a partition is the last day of a window, and not the day of the request. The partition contains the exact bytes of the
responses that were requested for the windows that end on this day, one after the other. The manifest counts the requests, and names the
pages that Wikimedia has no views of. A partition that cannot be read raises `ContractError`, `ContractBroken`, `PartitionChanged` or
`LakeError`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import inspect, read_parts
from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import Part, commit
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import lake_of
from wiki_trends.wikimedia.page_views import parse_all_page_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.pipeline.history.requests import HistoryAnswers

_WITHOUT_DATA = "without_data"


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """The responses that the lake has for a window.

    Attributes:
        rows: a row for each page and day that Wikimedia answered, with the columns page, date, views (null when Wikimedia has
            no number) and requested_for (the last day of the window that the response was requested for). Ordered by requested_for;
            for the same window, by the time of the response. So the last row of a page and day is the newest.
        without_data: the pages that Wikimedia has no views of.
        fingerprints: the fingerprint of each partition, by ISO day.
    """

    rows: pl.DataFrame
    without_data: frozenset[str]
    fingerprints: Mapping[str, str]


def read_answers(dataset: DailyDataset, first: dt.date, last: dt.date) -> StoredAnswers:
    """Read the partitions of the windows that end between `first` and `last`, both included."""
    import polars as pl

    # Without a lag, because each partition can be there as soon as its window has ended.
    window = Window.between(first, last, as_of=last, lag=0)
    partitions = check(dataset, window, strays=False).usable
    schema = {"page": pl.String, "date": pl.Date, "views": pl.Int64, "requested_for": pl.Date}
    # `prop=pageviews` returns the 60 days before the request, so a response can have days after `last`.
    rows = [
        (page_views.title, page_views.day, page_views.views, partition.day)
        for partition in partitions
        for response in parse_all_page_views(_bodies(dataset, partition))
        for page_views in response.days
        if page_views.day <= last
    ]
    return StoredAnswers(
        pl.DataFrame(rows, schema=schema, orient="row"),
        frozenset(title for partition in partitions for title in _without_data(partition)),
        {partition.day.isoformat(): partition.fingerprint or "" for partition in partitions},
    )


def add_answers(dataset: DailyDataset, last: dt.date, answers: HistoryAnswers) -> None:
    """Add responses to the partition of the windows that end on `last`.

    Raises:
        LostRace: another writer committed the partition at the same time; its responses stay.
        CommitError, LakeError: the partition cannot be written.
    """
    lake = lake_of(dataset)
    partition = inspect(dataset, last, lake=lake)
    earlier: list[bytes] = []
    earlier_rows = 0
    if partition.available:
        earlier, earlier_rows = [_bodies(dataset, partition)], partition.rows or 0
    if not earlier and not answers.bodies:
        return
    measured = partition.manifest.measured if partition.available and partition.manifest else {}
    without_data = sorted({*_without_data(partition), *answers.without_data})
    commit(
        dataset,
        last,
        [Part(b"\n".join([*earlier, *answers.bodies]), earlier_rows + len(answers.bodies))],
        measured={
            _WITHOUT_DATA: without_data,
            "requests": answers.requests + int(measured.get("requests", 0)),
            "titles_per_answer": answers.titles_per_answer,
            "fetched_at": dt.datetime.now(tz=dt.UTC).isoformat(),
        },
        lake=lake,
    )


def _bodies(dataset: DailyDataset, partition: Partition) -> bytes:
    return b"".join(read_parts(dataset, partition, lake=lake_of(dataset)))


def _without_data(partition: Partition) -> Iterable[str]:
    measured = partition.manifest.measured if partition.manifest is not None else {}
    names = measured.get(_WITHOUT_DATA, ())
    return [name for name in names if isinstance(name, str)] if isinstance(names, list | tuple) else []
