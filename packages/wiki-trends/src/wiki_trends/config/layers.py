"""The four layers of the lake as daily datasets, with the contracts of their columns, and the history of pages.

Bronze contains the unchanged responses of the API: the lists, and the daily views of single pages in `page_history`. Silver
contains the articles of the day. Gold adds the category and the place. Diamond contains the ten documented columns as CSV. The
keys of `en.wikipedia` with `all-access` begin at the root of each layer, as documented. The keys of any other project or access
method begin with a folder named after the project and the access method.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.model.dataset import Column, DailyDataset
from wiki_trends.config.projects import canonical_project

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# The highest rank that the contract accepts. The API returns at most 1,000 rows for a day, but a dump can contain more.
MAX_RANK = 1_000_000
# The first day for which the pageviews API has data.
HISTORY_START = dt.date(2015, 7, 1)
# The project and the access method whose keys begin at the root of a layer.
_PROJECT_AND_ACCESS_AT_ROOT = ("en.wikipedia", "all-access")

_ARTICLE_COLUMNS = (
    Column("page", nullable=False, unique=True),
    Column("page_display", nullable=False),
    Column("views", "integer", nullable=False, low=0),
    Column("rank", "integer", nullable=False, low=1, high=MAX_RANK),
)
# The lower and the upper bound of the fraction of a page's views that came from desktops; empty when they were not computed.
_DESKTOP_SHARE_COLUMNS = (
    Column("desktop_low", "float", low=0, high=1),
    Column("desktop_high", "float", low=0, high=1),
)
_CATEGORY_AND_PLACE_COLUMNS = (
    Column("category", nullable=False),
    Column("location_type", nullable=False),
    Column("location", nullable=False),
    Column("latitude", "float", low=-90, high=90),
    Column("longitude", "float", low=-180, high=180),
)
DIAMOND_COLUMNS = (*_ARTICLE_COLUMNS, Column("link", nullable=False), *_CATEGORY_AND_PLACE_COLUMNS)


class Layers(NamedTuple):
    """The datasets of one project and access method. `page_history` has a partition for the last day of each window."""

    bronze: DailyDataset
    silver: DailyDataset
    gold: DailyDataset
    diamond: DailyDataset
    page_history: DailyDataset


def layers(settings: Settings) -> Layers:
    """Return the four datasets for the project, the access method and the lake in `settings`."""
    project = canonical_project(settings.project)
    if (project, settings.access) == _PROJECT_AND_ACCESS_AT_ROOT:
        folder, name_suffix = "", ""
    else:
        folder_name = project if settings.access == "all-access" else f"{project}.{settings.access}"
        folder, name_suffix = f"{folder_name}/", f" of {folder_name}"

    def dataset(
        layer: str, name_stem: str, extension: str, columns: tuple[Column, ...], min_rows: int, name: str = ""
    ) -> DailyDataset:
        return DailyDataset(
            name=f"{name or layer}{name_suffix}",
            lake=settings.lake.replace("{layer}", layer),
            key_format=f"{folder}{name_stem}_{{day:%Y_%m_%d}}.{extension}",
            format="raw" if extension == "json" else "csv" if extension == "csv" else "parquet",
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
        silver=dataset("silver", "cleaned", "parquet", (*_ARTICLE_COLUMNS, *_DESKTOP_SHARE_COLUMNS), 1),
        gold=dataset("gold", "categorized", "parquet", (*_ARTICLE_COLUMNS, *_CATEGORY_AND_PLACE_COLUMNS), 1),
        diamond=replace(
            dataset("diamond", "diamond_final", "csv", DIAMOND_COLUMNS, settings.min_rows),
            recheck=settings.recheck_days,
        ),
        page_history=dataset("bronze", "page_history", "json", (), 1, "page history"),
    )
