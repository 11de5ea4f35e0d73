"""Step 5: gold -> diamond. Checks the rows against the dataset's contract, and writes the ten documented columns as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.committing.writer import write_frame
from wiki_trends.config.layers import DIAMOND_COLUMNS, layers
from wiki_trends.config.projects import host_of
from wiki_trends.pipeline.lists.excluded import SUSPECT
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from wiki_trends.config.settings import Settings

# MediaWiki does not percent-encode these characters in links.
PLAIN_IN_LINKS = ";@$!*(),/~:"


def clean_gold_layer(day: dt.date, settings: Settings, earlier: Sequence[StepResult] = ()) -> StepResult:
    """Commit the day to diamond.

    Columns: page, page_display, views, rank, link, category, location_type, location, latitude, longitude. Rows are ordered
    by rank, then page. A page occurs once. Ranks have the ties and gaps of the API's list. `earlier` has the results of the
    day's earlier steps. The manifest has the sums of requests, retries, cache hits and seconds over all steps, and the suspect
    pages of gold.

    Raises:
        ContractError: gold does not have the day, or the rows break the contract of the dataset.
    """
    import polars as pl

    watch = Stopwatch()
    datasets = layers(settings)
    partition = inspect(datasets.gold, day)
    gold = read_frame(datasets.gold, partition)
    links = pl.Series("link", [link(project_of(settings), page) for page in gold["page"]], dtype=pl.String)
    frame = gold.with_columns(links).select(column.name for column in DIAMOND_COLUMNS).sort("rank", "page")
    step = StepResult("clean_gold_layer", gold.height, frame.height, watch.seconds())
    steps = [*earlier, step]
    measured = {
        "requests": sum(result.requests for result in steps),
        "retries": sum(result.retries for result in steps),
        "cache_hits": sum(result.cache_hits for result in steps),
        "seconds": round(sum(result.seconds for result in steps), 4),
        "steps": [result.to_json() for result in steps],
        SUSPECT: partition.manifest.measured.get(SUSPECT, []) if partition.manifest else [],
    }
    write_frame(datasets.diamond, day, frame, measured=measured)
    return step


def link(project: str, page: str) -> str:
    """Return the public URL of a page."""
    return f"https://{host_of(project)}/wiki/{quote(page, safe=PLAIN_IN_LINKS)}"
