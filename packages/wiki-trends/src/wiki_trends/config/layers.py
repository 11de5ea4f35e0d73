"""The four layers of the lake as daily datasets with their contracts.

Bronze holds the API's response byte for byte; silver holds the day's articles; gold adds category and place; diamond has
the ten documented columns as CSV. `en.wikipedia` with `all-access` uses the documented keys at the root of each layer.
Every other project or access method has a folder of its own there.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.dataset import Column, DailyDataset
from wiki_trends.config.projects import canonical_project

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# A list from the API has at most 1,000 rows; a list made from a dump may have more.
MOST_ROWS = 1_000_000
# The first day of the pageviews API.
HISTORY_START = dt.date(2015, 7, 1)
_DOCUMENTED = ("en.wikipedia", "all-access")

_ARTICLE = (
    Column("page", nullable=False, unique=True),
    Column("page_display", nullable=False),
    Column("views", "integer", nullable=False, low=0),
    Column("rank", "integer", nullable=False, low=1, high=MOST_ROWS),
)
# Bounds of the fraction of a page's views that come from desktops; empty when the page was not checked.
_DEVICES = (
    Column("desktop_low", "float", low=0, high=1),
    Column("desktop_high", "float", low=0, high=1),
)
_PLACE = (
    Column("category", nullable=False),
    Column("location_type", nullable=False),
    Column("location", nullable=False),
    Column("latitude", "float", low=-90, high=90),
    Column("longitude", "float", low=-180, high=180),
)
DIAMOND_COLUMNS = (*_ARTICLE, Column("link", nullable=False), *_PLACE)


@dataclass(frozen=True, slots=True)
class Layers:
    """The datasets of one project and access method."""

    bronze: DailyDataset
    silver: DailyDataset
    gold: DailyDataset
    diamond: DailyDataset


def layers(settings: Settings) -> Layers:
    """The four datasets for the project, access method and lake of `settings`."""
    project = canonical_project(settings.project)
    if (project, settings.access) == _DOCUMENTED:
        folder, label = "", ""
    else:
        name = project if settings.access == "all-access" else f"{project}.{settings.access}"
        folder, label = f"{name}/", f" of {name}"

    def dataset(
        layer: str, stem: str, ending: str, columns: tuple[Column, ...], min_rows: int
    ) -> DailyDataset:
        return DailyDataset(
            name=f"{layer}{label}",
            lake=settings.lake.replace("{layer}", layer),
            key_format=f"{folder}{stem}_{{day:%Y_%m_%d}}.{ending}",
            format="raw" if ending == "json" else "csv" if ending == "csv" else "parquet",
            columns=columns,
            min_rows=min_rows,
            volume_column="views" if columns else None,
            timeout=settings.lake_timeout,
            retries=settings.lake_retries,
            backoff=settings.lake_backoff,
            history_start=HISTORY_START,
        )

    return Layers(
        bronze=dataset("bronze", "top_pages", "json", (), 1),
        silver=dataset("silver", "cleaned", "parquet", (*_ARTICLE, *_DEVICES), 1),
        gold=dataset("gold", "categorized", "parquet", (*_ARTICLE, *_PLACE), 1),
        diamond=dataset("diamond", "diamond_final", "csv", DIAMOND_COLUMNS, settings.min_rows),
    )
