"""Step 4: silver -> gold. Adds category and place, and writes each page once, under its canonical title.

Wikimedia counts the views of a redirect under the redirect's title. This step merges the rows of a page and its redirects, as
Wikimedia's most-read service does: the merged row has the sum of the views and the best rank. A redirect to a page that is not an
article (the main page, a project page) is left out. Gold's manifest lists and counts the merged rows and the rows that were left
out. A title that the wiki does not have was still viewed, so the step keeps it with the default category and place.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.cache.siteinfo import site_info
from wiki_trends.pipeline.lists.excluded import SUSPECT
from wiki_trends.pipeline.rules.rules import Rules
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    import polars as pl

    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia import PageFacts, SiteInfo, WikimediaClient

MAX_SUSPECT_PAGES = 200


def categorize_pages(day: dt.date, settings: Settings, client: WikimediaClient) -> StepResult:
    """Commit the day's pages with category and place to gold.

    Columns: page and page_display (canonical titles), views, rank, category, location_type, location, latitude and
    longitude (in degrees, null without coordinates). Rows are ordered by rank, then page. The manifest's `suspect` lists the
    suspect pages.

    Raises:
        ContractError: silver does not have the day.
        ContractBroken: the cache does not have the facts about a page of the day.
    """
    watch = Stopwatch()
    datasets = layers(settings)
    project = project_of(settings)
    lake = lake_of(datasets.silver)
    partition = inspect(datasets.silver, day, lake=lake)
    silver = read_frame(datasets.silver, partition, lake=lake)
    facts = PageCache(lake, project).get(silver["page"].to_list())
    uncached = [page for page in silver["page"] if page not in facts]
    if uncached:
        problem = f"it lacks {len(uncached)} pages of {day}, the first is {uncached[0]!r}"
        raise ContractBroken(what=f"the cache of {project}'s pages", problem=problem)
    counting_client = client.counted()
    rows, excluded = merge_rows(
        silver.iter_rows(named=True), facts, site_info(project, lake, counting_client)
    )
    frame = _to_frame(rows, Rules.load(project.partition(".")[0], settings.categories_file))
    step = StepResult(
        "categorize_pages",
        silver.height,
        frame.height,
        watch.seconds(),
        requests=counting_client.counters.requests,
        retries=counting_client.counters.retries,
        counts=dict(sorted(Counter(entry["reason"] for entry in excluded).items())),
    )
    lists = {"excluded": excluded, SUSPECT: suspect_pages(partition, rows, facts)}
    write_frame(datasets.gold, day, frame, measured=step.to_json() | lists)
    return step


class MergedRow(NamedTuple):
    """A page under its canonical title, with the sum of the views and the best rank of its own row and the rows of its redirects."""

    page: str
    views: int
    rank: int
    facts: PageFacts


def merge_rows(
    rows: Iterable[dict[str, Any]], facts: Mapping[str, PageFacts], site: SiteInfo
) -> tuple[list[MergedRow], list[dict[str, Any]]]:
    """Merge the rows of each page under its canonical title. Also return the rows that were merged or left out, with reasons."""
    excluded: list[dict[str, Any]] = []
    merged_rows: dict[str, MergedRow] = {}
    # For each page, the row that is not reported as merged: the row with the canonical title, or else the first row.
    kept_rows: dict[str, dict[str, Any]] = {}
    for row in rows:
        page_facts = facts[row["page"]]
        if page_facts.namespace != 0 or site.is_main_page(page_facts.title):
            excluded.append(_exclusion(row, "leads_to_no_article"))
            continue
        page = _canonical_title(row["page"], page_facts)
        if page not in merged_rows:
            merged_rows[page], kept_rows[page] = MergedRow(page, row["views"], row["rank"], page_facts), row
            continue
        reported_row = row
        if row["page"] == page:
            kept_rows[page], reported_row = row, kept_rows[page]
        excluded.append(_exclusion(reported_row, "merged", into=page))
        merged_row = merged_rows[page]
        merged_rows[page] = merged_row._replace(
            views=merged_row.views + row["views"], rank=min(merged_row.rank, row["rank"])
        )
    return sorted(merged_rows.values(), key=lambda row: (row.rank, row.page)), excluded


def suspect_pages(
    silver: Partition, rows: Iterable[MergedRow], facts: Mapping[str, PageFacts]
) -> list[dict[str, Any]]:
    """Return the title and the views of each suspect page: at least half of its views come from suspect rows.

    The result is ordered by views, and has at most `MAX_SUSPECT_PAGES` pages, because checks read the manifest of diamond.

    Args:
        silver: the partition of silver, whose manifest lists the suspect rows.
        rows: the merged rows of the day.
        facts: the facts about the titles of silver.
    """
    suspect_views: Counter[str] = Counter()
    for entry in silver.manifest.measured.get(SUSPECT, ()) if silver.manifest else ():
        suspect_views[_canonical_title(entry["page"], facts[entry["page"]])] += entry["views"]
    pages = [row for row in rows if row.page in suspect_views and 2 * suspect_views[row.page] >= row.views]
    pages.sort(key=lambda row: (-row.views, row.page))
    return [{"page": row.page, "views": row.views} for row in pages[:MAX_SUSPECT_PAGES]]


def _canonical_title(title: str, facts: PageFacts) -> str:
    """Return the title of the page to which a listed title leads. A title that the wiki does not have has no other form."""
    return title if facts.missing else facts.title.replace(" ", "_")


def _exclusion(row: dict[str, Any], reason: str, **more: str) -> dict[str, Any]:
    """Return an entry for `excluded` in the manifest."""
    return {"rank": row["rank"], "page": row["page"], "views": row["views"], "reason": reason, **more}


def _to_frame(rows: list[MergedRow], rules: Rules) -> pl.DataFrame:
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
