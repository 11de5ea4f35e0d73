"""The four layers of the lake as daily datasets, with the contracts of their columns.

Bronze contains the unchanged responses of the API. Silver contains the articles of the day. Gold adds the category and the place.
Diamond contains the ten documented columns as CSV. The keys of `en.wikipedia` with `all-access` begin at the root of each layer, as
documented. Every other combination of project and access method has its own folder.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.dataset import Column, DailyDataset
from wiki_trends.config.projects import canonical_project

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# The API returns at most 1,000 rows for a day; a dump can contain more.
MAX_ROWS = 1_000_000
# The first day for which the pageviews API has data.
HISTORY_START = dt.date(2015, 7, 1)
_ROOT_FOLDER_PROJECT = ("en.wikipedia", "all-access")

_ARTICLE = (
    Column("page", nullable=False, unique=True),
    Column("page_display", nullable=False),
    Column("views", "integer", nullable=False, low=0),
    Column("rank", "integer", nullable=False, low=1, high=MAX_ROWS),
)
# The lower and upper bound of the fraction of a page's views from desktops; empty when the fraction was not computed.
_DEVICE_BOUNDS = (
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
    """Return the four datasets for the project, the access method and the lake in `settings`."""
    project = canonical_project(settings.project)
    if (project, settings.access) == _ROOT_FOLDER_PROJECT:
        folder, name_suffix = "", ""
    else:
        folder_name = project if settings.access == "all-access" else f"{project}.{settings.access}"
        folder, name_suffix = f"{folder_name}/", f" of {folder_name}"

    def dataset(
        layer: str, stem: str, ending: str, columns: tuple[Column, ...], min_rows: int
    ) -> DailyDataset:
        return DailyDataset(
            name=f"{layer}{name_suffix}",
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
        silver=dataset("silver", "cleaned", "parquet", (*_ARTICLE, *_DEVICE_BOUNDS), 1),
        gold=dataset("gold", "categorized", "parquet", (*_ARTICLE, *_PLACE), 1),
        diamond=dataset("diamond", "diamond_final", "csv", DIAMOND_COLUMNS, settings.min_rows),
    )
