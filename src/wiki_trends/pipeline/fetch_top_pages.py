"""Step 1: the list of a day's most-viewed pages, kept in bronze byte for byte.

A day that bronze has already is not asked for again, so that it can be rebuilt without Wikimedia. A list that is not the
one asked for is `ContractBroken`, one that does not exist `DayNotPublished`; then nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.commit import Part, commit
from smart_orchestrator.lake import lake_of
from smart_orchestrator.partition import inspect
from wiki_trends.layers import layers
from wiki_trends.pipeline.step import Step, Stopwatch, project_of
from wiki_trends.pipeline.top_list import parse_top_list

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.settings import Settings
    from wiki_trends.wikimedia import WikimediaClient


def fetch_top_pages(day: dt.date, settings: Settings, client: WikimediaClient) -> Step:
    """Commit the API's answer for a UTC day to bronze, unless a complete one is there.

    The manifest keeps url, status, etag and fetched_at (UTC); its volume is the sum of views of the whole list.

    Raises:
        DayNotPublished: the API has no list of that day.
        ContractBroken: the answer is not that list.
    """
    watch = Stopwatch()
    bronze = layers(settings).bronze
    lake = lake_of(bronze)
    there = inspect(bronze, day, lake=lake)
    if there.available:
        return Step("fetch_top_pages", 0, there.rows or 0, watch.seconds(), counts={"kept": 1})
    counted = client.counted()
    project = project_of(settings)
    answer = counted.top_pages(project, settings.access, day)
    rows = parse_top_list(answer.body, project=project, access=settings.access, day=day)
    step = Step(
        "fetch_top_pages",
        0,
        len(rows),
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
    )
    measured = step.to_json() | {
        "url": answer.url,
        "status": answer.status,
        "etag": answer.etag,
        "fetched_at": answer.fetched_at.isoformat(),
    }
    volume = sum(row.views for row in rows)
    commit(bronze, day, [Part(answer.body, len(rows))], volume=volume, measured=measured, lake=lake)
    return step
