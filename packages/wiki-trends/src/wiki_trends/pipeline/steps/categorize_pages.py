"""Step 4: silver -> gold. Adds category and place, and writes each page once, under its canonical title.

Wikimedia counts the views of a redirect under the redirect's title. Rows of one page are merged here, as Wikimedia's own
most-read service does: their views are added, and the best rank stays. A row that redirects to a page outside the articles
(the main page, a project page) is left out. Gold's manifest names and counts both. A title that the wiki does not know was
viewed, so it stays, with the default category and place.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

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

    Columns: page and page_display (canonical titles), views, rank, category, location_type, location, latitude and
    longitude (in degrees, null without coordinates). Rows are ordered by rank, then page.

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


class MergedRow(NamedTuple):
    """A page under its canonical title, with the views of its redirects."""

    page: str
    views: int
    rank: int
    facts: PageFacts


def merge_rows(
    rows: Iterable[dict[str, Any]], facts: Mapping[str, PageFacts], site: SiteInfo
) -> tuple[list[MergedRow], list[dict[str, Any]]]:
    """The rows under canonical titles, and the rows that were merged or left out, with reasons."""
    excluded: list[dict[str, Any]] = []
    merged: dict[str, MergedRow] = {}
    # Of each page, the row that is not named as an exclusion: the one with the canonical title, else the first.
    kept: dict[str, dict[str, Any]] = {}
    for row in rows:
        page_facts = facts[row["page"]]
        if page_facts.namespace != 0 or site.is_main_page(page_facts.title):
            excluded.append(_exclusion(row, "leads_to_no_article"))
            continue
        # A title that the wiki does not know has no canonical form.
        page = row["page"] if page_facts.missing else page_facts.title.replace(" ", "_")
        if page not in merged:
            merged[page], kept[page] = MergedRow(page, row["views"], row["rank"], page_facts), row
            continue
        other = row
        if row["page"] == page:
            kept[page], other = row, kept[page]
        excluded.append(_exclusion(other, "merged", into=page))
        so_far = merged[page]
        merged[page] = so_far._replace(views=so_far.views + row["views"], rank=min(so_far.rank, row["rank"]))
    return sorted(merged.values(), key=lambda row: (row.rank, row.page)), excluded


def _exclusion(row: dict[str, Any], reason: str, **more: str) -> dict[str, Any]:
    """An entry of the manifest's `excluded`."""
    return {"rank": row["rank"], "page": row["page"], "views": row["views"], "reason": reason, **more}


def _frame(rows: list[MergedRow], rules: Rules) -> pl.DataFrame:
    import polars as pl

    schema = {
        "page": pl.String,
        "page_display": pl.String,
        "views": pl.Int64,
        "rank": pl.Int64,
        "category": pl.String,
        "location_type": pl.String,
        "location": pl.String,
        "latitude": pl.Float64,
        "longitude": pl.Float64,
    }
    cells = []
    for page, views, rank, facts in rows:
        category, place = rules.labels(page, facts)
        coordinates = (facts.latitude, facts.longitude)
        cells.append((page, page.replace("_", " "), views, rank, category, *place, *coordinates))
    return pl.DataFrame(cells, schema=schema, orient="row")
