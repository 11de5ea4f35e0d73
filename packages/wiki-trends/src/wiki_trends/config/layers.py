"""The four layers of the lake as daily datasets, with the contracts of their columns, and the history of pages.

Bronze contains the unchanged responses of the API: the lists, and the daily views of single pages in `page_history`. Silver
contains the articles of the day. Gold adds the category and the place. Diamond contains the ten documented columns as CSV.

The partitions of `en.wikipedia` with `all-access` are directly in the root of each layer, as documented. The partitions of any other
project or access method are in a folder: `PROJECT` for `all-access`, otherwise `PROJECT.ACCESS`, such as `fr.wikipedia.desktop`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from smart_orchestrator.model.dataset import Column, DailyDataset
from wiki_trends.config.projects import canonical_project

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# The highest rank that the contract accepts. The API returns at most 1,000 rows for a day, but a dump can contain more.
MAX_RANK = 1_000_000
# The first day for which the pageviews API has data.
HISTORY_START = dt.date(2015, 7, 1)
# The project and the access method whose partitions are directly in the root of a layer.
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


class Layers:
    """The datasets of one project and access method. Each dataset is made at its first use, because most commands use only one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        project = canonical_project(settings.project)
        if (project, settings.access) == _PROJECT_AND_ACCESS_AT_ROOT:
            self._folder, self._name_suffix = "", ""
        else:
            folder = project if settings.access == "all-access" else f"{project}.{settings.access}"
            self._folder, self._name_suffix = f"{folder}/", f" of {folder}"

    @cached_property
    def bronze(self) -> DailyDataset:
        """The lists, as the API returned them."""
        return self._dataset("bronze", "top_pages", "json")

    @cached_property
    def silver(self) -> DailyDataset:
        """The articles of the day."""
        return self._dataset("silver", "cleaned", "parquet", (*_ARTICLE_COLUMNS, *_DESKTOP_SHARE_COLUMNS))

    @cached_property
    def gold(self) -> DailyDataset:
        """The articles of the day with category and place."""
        columns = (*_ARTICLE_COLUMNS, *_CATEGORY_AND_PLACE_COLUMNS)
        return self._dataset("gold", "categorized", "parquet", columns)

    @cached_property
    def diamond(self) -> DailyDataset:
        """The ten documented columns."""
        dataset = self._dataset(
            "diamond", "diamond_final", "csv", DIAMOND_COLUMNS, min_rows=self._settings.min_rows
        )
        return replace(dataset, recheck=self._settings.recheck_days)

    @cached_property
    def page_history(self) -> DailyDataset:
        """The daily views of single pages. A partition has the views for one window; its key is the last day of the window."""
        return self._dataset("bronze", "page_history", "json", name="page history")

    def _dataset(
        self,
        layer: str,
        name_stem: str,
        extension: str,
        columns: tuple[Column, ...] = (),
        *,
        min_rows: int = 1,
        name: str = "",
    ) -> DailyDataset:
        settings = self._settings
        return DailyDataset(
            name=f"{name or layer}{self._name_suffix}",
            lake=settings.lake.replace("{layer}", layer),
            key_format=f"{self._folder}{name_stem}_{{day:%Y_%m_%d}}.{extension}",
            format="raw" if extension == "json" else "csv" if extension == "csv" else "parquet",
            columns=columns,
            min_rows=min_rows,
            volume_column="views" if columns else None,
            timeout=settings.lake_timeout,
            retries=settings.lake_retries,
            backoff=settings.lake_backoff,
            history_start=HISTORY_START,
        )


def layers(settings: Settings) -> Layers:
    """Return the datasets for the project, the access method and the lake in `settings`."""
    return Layers(settings)
