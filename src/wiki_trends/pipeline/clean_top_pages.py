"""Step 2: bronze -> silver. The articles of the list, without what is none, with their original ranks.

Nothing is dropped in silence: silver's manifest counts each reason. Which namespaces a wiki has, and its main page, are
its own words (`meta=siteinfo`), kept in the lake for a week.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING

from smart_orchestrator.commit import write_frame
from smart_orchestrator.errors import ContractError, ObjectMissing
from smart_orchestrator.lake import lake_of
from smart_orchestrator.partition import inspect, read_parts
from wiki_trends.layers import layers
from wiki_trends.pipeline.step import Step, Stopwatch, project_of
from wiki_trends.pipeline.top_list import Listed, parse_top_list
from wiki_trends.wikimedia.siteinfo import SiteInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from smart_orchestrator.lake import Lake
    from wiki_trends.settings import Settings
    from wiki_trends.wikimedia import WikimediaClient

SITEINFO_AGE = dt.timedelta(days=7)


def clean_top_pages(day: dt.date, settings: Settings, client: WikimediaClient) -> Step:
    """Commit the articles of a day's list to silver.

    Columns: page (title with underscores, unique), page_display (with spaces), views, rank (in the whole list, ties
    kept). Rows are ordered by rank, then page.

    Raises:
        ContractError: bronze does not have the day.
        ContractBroken: bronze holds something else than that day's list.
    """
    watch = Stopwatch()
    of = layers(settings)
    project = project_of(settings)
    bronze = lake_of(of.bronze)
    there = inspect(of.bronze, day, lake=bronze)
    if not there.available:
        raise ContractError(of.bronze.name, day, there.code, [there.reason])
    body = b"".join(read_parts(of.bronze, there, lake=bronze))
    listed = parse_top_list(body, project=project, access=settings.access, day=day)
    lake = lake_of(of.silver)
    counted = client.counted()
    frame, left_out = articles(listed, site_info(project, lake, counted))
    step = Step(
        "clean_top_pages",
        len(listed),
        frame.height,
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
        counts=left_out,
    )
    write_frame(of.silver, day, frame, measured=step.to_json(), lake=lake)
    return step


def articles(listed: Iterable[Listed], site: SiteInfo) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that are articles, and how many were left out or merged for each reason."""
    import polars as pl

    reasons: Counter[str] = Counter()
    kept: dict[str, Listed] = {}
    for row in listed:
        reason = not_an_article(row.title, site)
        page = row.title.replace(" ", "_")
        if reason is not None:
            reasons[reason] += 1
        elif page in kept:
            reasons["listed_twice"] += 1
            same = kept[page]
            kept[page] = Listed(page, same.views + row.views, min(same.rank, row.rank))
        else:
            kept[page] = Listed(page, row.views, row.rank)
    rows = sorted(kept.values(), key=lambda row: (row.rank, row.title))
    frame = pl.DataFrame(
        {
            "page": [row.title for row in rows],
            "page_display": [row.title.replace("_", " ") for row in rows],
            "views": [row.views for row in rows],
            "rank": [row.rank for row in rows],
        },
        schema={"page": pl.String, "page_display": pl.String, "views": pl.Int64, "rank": pl.Int64},
    )
    return frame, dict(sorted(reasons.items()))


def not_an_article(title: str, site: SiteInfo) -> str | None:
    """Why a listed title is no article: `placeholder`, `main_page`, `namespace`; None for an article."""
    if not title.strip("-_ "):
        # The API writes `-` where a request named no title.
        return "placeholder"
    if site.is_main_page(title):
        return "main_page"
    return "namespace" if site.namespace(title) else None


def site_info(project: str, lake: Lake, client: WikimediaClient) -> SiteInfo:
    """A wiki's namespaces and main page, from the lake when it has them younger than a week."""
    key = f"_cache/{project}/siteinfo.json"
    now = dt.datetime.now(tz=dt.UTC)
    try:
        known = json.loads(lake.get(key)[0])
        if now - dt.datetime.fromisoformat(known["fetched_at"]) < SITEINFO_AGE:
            return SiteInfo.from_json(known["siteinfo"])
    except (ObjectMissing, ValueError, KeyError, TypeError, AttributeError):
        pass  # Not there, or written by another version: the wiki is asked.
    site = client.site_info(project)
    document = {"fetched_at": now.isoformat(), "siteinfo": site.to_json()}
    lake.put(key, json.dumps(document, ensure_ascii=False).encode())
    return site
