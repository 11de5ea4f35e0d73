"""Step 4: silver -> gold. Each page once, under its canonical title, with category and place.

Redirects are counted under their own titles by the source. Rows that lead to one page are merged here, as Wikimedia's
own most-read service does: views are added, the best rank stays. A title that resolves to a
page outside the articles (the main page, a project page) is left out. Both are counted and named in gold's manifest. A
title that the wiki does not know stays with the defaults: it was viewed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.cache.siteinfo import site_info
from wiki_trends.pipeline.rules.rules import Rules
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    import polars as pl

    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia import PageFacts, SiteInfo, WikimediaClient


def categorize_pages(day: dt.date, settings: Settings, client: WikimediaClient) -> StepResult:
    """Commit the day's pages with category and place to gold.

    Columns: those of silver (page and page_display now canonical), category, location_type, location, latitude and
    longitude in degrees, empty without coordinates. Rows are ordered by rank, then page.

    Raises:
        ContractError: silver does not have the day.
        ContractBroken: the cache lacks one of its pages.
    """
    watch = Stopwatch()
    datasets = layers(settings)
    project = project_of(settings)
    lake = lake_of(datasets.silver)
    silver = read_frame(datasets.silver, day, lake=lake)
    facts = PageCache(lake, project).get(silver["page"].to_list())
    unknown = [page for page in silver["page"] if page not in facts]
    if unknown:
        problem = f"it lacks {len(unknown)} pages of {day}, the first is {unknown[0]!r}"
        raise ContractBroken(what=f"the cache of {project}'s pages", problem=problem)
    counted = client.counted()
    rows, excluded = merge_rows(silver.iter_rows(named=True), facts, site_info(project, lake, counted))
    frame = _frame(rows, Rules.load(project.partition(".")[0], settings.categories_file))
    step = StepResult(
        "categorize_pages",
        silver.height,
        frame.height,
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
        counts=dict(sorted(Counter(entry["reason"] for entry in excluded).items())),
    )
    write_frame(datasets.gold, day, frame, measured=step.to_json() | {"excluded": excluded})
    return step


Row = tuple[str, int, int, "PageFacts"]


def merge_rows(
    rows: Iterable[dict[str, Any]], facts: Mapping[str, PageFacts], site: SiteInfo
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Rows (page, views, rank, facts) under canonical titles, and the rows that were merged or left out, with reasons."""
    excluded: list[dict[str, Any]] = []
    pages: dict[str, Row] = {}
    under: dict[str, dict[str, Any]] = {}
    for row in rows:
        fact = facts[row["page"]]
        if fact.namespace != 0 or site.is_main_page(fact.title):
            excluded.append(_exclusion(row, "leads_to_no_article"))
            continue
        # A title that the wiki does not know has no canonical form.
        page = row["page"] if fact.missing else fact.title.replace(" ", "_")
        views, rank = row["views"], row["rank"]
        if page in pages:
            # The exclusion names the other title, whichever of the two was listed first.
            other_row = under[page] if row["page"] == page else row
            excluded.append(_exclusion(other_row, "merged", into=page))
            _, other_views, other_rank, other = pages[page]
            views, rank, fact = views + other_views, min(rank, other_rank), other
        pages[page] = (page, views, rank, fact)
        if page not in under or row["page"] == page:
            under[page] = row
    return sorted(pages.values(), key=lambda row: (row[2], row[0])), excluded


def _exclusion(row: dict[str, Any], reason: str, **more: str) -> dict[str, Any]:
    return {"rank": row["rank"], "page": row["page"], "views": row["views"], "reason": reason, **more}


def _frame(rows: list[Row], rules: Rules) -> pl.DataFrame:
    import polars as pl

    labels = [rules.labels(page, facts) for page, _, _, facts in rows]
    return pl.DataFrame(
        {
            "page": [row[0] for row in rows],
            "page_display": [row[0].replace("_", " ") for row in rows],
            "views": [row[1] for row in rows],
            "rank": [row[2] for row in rows],
            "category": [label.category for label in labels],
            "location_type": [label.place.type for label in labels],
            "location": [label.place.name for label in labels],
            "latitude": [row[3].latitude for row in rows],
            "longitude": [row[3].longitude for row in rows],
        },
        schema_overrides={
            "views": pl.Int64,
            "rank": pl.Int64,
            "latitude": pl.Float64,
            "longitude": pl.Float64,
        },
    )
